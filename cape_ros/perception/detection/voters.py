"""Voters of a category: features of its shots at keypoints and landmarks, at eight orientations and
as small as objects are in a whole frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from cape_ros.core.pause import Pause
from cape_ros.model.layout.layout import features_at, place_landmarks
from cape_ros.model.layout.rotations import EIGHTHS
from cape_ros.perception.category import SupportShot
from cape_ros.perception.geometry import PADDING, Crop, clean_box, crop_image
from cape_ros.perception.inference.crops import HostCrops
from cape_ros.perception.inference.network import Network

CELLS = (6, 12)  # across a shot's crop: of small objects, and of all larger ones
MOST_SHOTS = 5
MOST_VOTERS = 15  # of a shot's keypoints, and as many landmarks; fewer of each with more shots
LEAST_VOTERS = 8


@dataclass(frozen=True)
class Voters:
    """What one size of shots looks like: features [S, 8, N, C], L2-normalised, and the places
    [S, 8, N, 2] of the voters in cells from the middle of the object's box; the weights [S, N] of a
    shot add up to 1. The longer side of the box has `side` cells."""

    features: Tensor
    places: Tensor
    weights: Tensor
    side: float


@torch.inference_mode()
def encode_voters(
    network: Network, cutter: HostCrops, shots: Sequence[SupportShot], begin: Pause
) -> tuple[Voters, ...]:
    """The voters of each of the sizes `CELLS`; none without shots. begin: is called before each
    pass of the network."""
    some = shots[:MOST_SHOTS]
    if not some:
        return ()
    return tuple(_encode(network, cutter, some, cells, begin) for cells in CELLS)


def _encode(
    network: Network,
    cutter: HostCrops,
    shots: Sequence[SupportShot],
    cells: int,
    begin: Pause,
) -> Voters:
    stride = network.config.stride
    size = cells * stride
    most = max(LEAST_VOTERS, 2 * MOST_VOTERS // (1 + len(shots)))
    features, places, weights = [], [], []
    for shot in shots:
        begin()
        height, width = shot.image.shape[:2]
        box = clean_box(shot.box, width, height)
        crops = [
            Crop.of_box(box, (size, size), rotation=eighth * 360 / EIGHTHS)
            for eighth in range(EIGHTHS)
        ]
        pixels = np.stack([crop_image(shot.image, crop) for crop in crops])
        seen = network.extract(cutter.upload(pixels), support=True)
        chosen, weight = _choose(crops[0].to_crop(shot.keypoints) / size, shot.visible, most)
        points = crops[0].to_image(chosen)
        placed = np.stack([crop.to_crop(points) for crop in crops])
        at = torch.from_numpy(placed).to(network.device)
        features.append(F.normalize(features_at(seen, at / size), dim=-1))
        places.append(at / stride - cells / 2)
        weights.append(torch.from_numpy(weight).to(network.device))
    return Voters(_pad_voters(features), _pad_voters(places), _pad(weights), cells / PADDING)


def _choose(keypoints: np.ndarray, visible: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints and landmarks of a shot that vote, [N, 2] in [0, 1], and their weights [N]."""
    known = np.flatnonzero(np.asarray(visible) > 0)
    marks = place_landmarks(
        torch.from_numpy(keypoints)[None].float(), torch.from_numpy(np.asarray(visible) > 0)[None]
    )[0].numpy()
    own = keypoints[known[_spread(len(known), most)]]
    marks = marks[_spread(len(marks), most)]
    weight = np.concatenate(
        [np.full(len(each), 0.5 / max(1, len(each)), np.float32) for each in (own, marks)]
    )
    return np.concatenate((own, marks)).astype(np.float32), weight / weight.sum()


def _spread(count: int, most: int) -> np.ndarray:
    """At most `most` of `count` indices, evenly."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))


def _pad_voters(each: Sequence[Tensor]) -> Tensor:
    """Shots [8, N, C] with different N, as [S, 8, N, C]."""
    most = max(one.shape[1] for one in each)
    return torch.stack([F.pad(one, (0, 0, 0, most - one.shape[1])) for one in each])


def _pad(each: Sequence[Tensor]) -> Tensor:
    most = max(len(one) for one in each)
    return torch.stack([F.pad(one, (0, most - len(one))) for one in each])
