"""Encodes a category's support shots to keypoint tokens, upright and rotated, and cross-checks the
shots' scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from cape_ros.model import KeypointTokens
from cape_ros.model.cross_check import Checks, CrossCheck
from cape_ros.model.layout.rotations import ANGLES, not_yet_rotated, rotated_by
from cape_ros.model.rigidity import differ_by_view
from cape_ros.model.tokens import average_shots, each_without, stack_tokens
from cape_ros.perception.category import SupportShot
from cape_ros.perception.geometry import Box, Crop, clean_box, support_heatmaps
from cape_ros.perception.inference.batching import Batches
from cape_ros.perception.inference.crops import HostCrops
from cape_ros.perception.inference.network import Network

TOGETHER = 8  # shots in one pass
ROTATED_TOGETHER = 2  # on a CPU: frames wait for such a pass no longer than for another frame

EncodedSupports = tuple[KeypointTokens, Iterator[KeypointTokens]]
"""The upright, cross-checked tokens of a category, and an iterator over better ones: each step is
one forward pass, the last has all orientations. It is empty where layouts do not vote."""


@dataclass(frozen=True)
class SeenShot:
    """One shot: its upright tokens, and its features as a query's [1, C, h, w]; batches of one."""

    shot: SupportShot
    tokens: KeypointTokens
    features: Tensor


def encode_shots(
    network: Network, cutter: HostCrops, batches: Batches, shots: Sequence[SupportShot]
) -> EncodedSupports:
    """All shots of a category."""
    each, check = _encode_upright(network, cutter, batches, shots)
    upright = replace(not_yet_rotated(average_shots(each)), check=check)
    together = TOGETHER if network.device.type == "cuda" else ROTATED_TOGETHER

    def encode_rotated(degrees: float, some: slice) -> KeypointTokens:
        features, marked, _ = _extract(network, cutter, shots[some], degrees)
        return rotated_by(degrees, network.net, stack_tokens(each[some]), features, marked)

    @torch.inference_mode()
    def better() -> Iterator[KeypointTokens]:
        tokens, rotated = upright, list(upright.rotated)
        for at in range(len(rotated)):
            encoded = []
            for some, one in batches.run(len(shots), partial(encode_rotated, ANGLES[at]), together):
                encoded.append(one)
                if some.stop == len(shots):
                    rotated[at] = average_shots(encoded)
                    tokens = replace(tokens, rotated=tuple(rotated))
                yield tokens

    return upright, better()


def cross_check(network: Network, batches: Batches, shots: Sequence[SeenShot]) -> CrossCheck:
    """Leave-one-out check of the shots' scores: each is predicted from the others."""
    others = each_without([one.tokens for one in shots])
    checks = Checks()
    for some, (points, scores) in batches.run(
        len(others),
        lambda some: network.find(
            torch.cat([one.features for one in shots[some]]), stack_tokens(others[some])
        ),
    ):
        for one, tokens, predicted, score in zip(
            shots[some], others[some], points.cpu().numpy(), scores.cpu().numpy(), strict=True
        ):
            box = _box(one.shot)
            crop = Crop.of_box(box, network.config.image_size)
            away = np.linalg.norm(crop.to_image(predicted) - one.shot.keypoints, axis=1) / max(
                box[2:]
            )
            judged = one.shot.visible & tokens.mask[0].cpu().numpy()
            checks.add(score, away, judged)
    sides = [max(_box(one.shot)[2:]) for one in shots]
    layouts = [one.shot.keypoints / side for one, side in zip(shots, sides, strict=True)]
    shown = np.array([one.shot.visible for one in shots])
    return checks.result(by_view=differ_by_view(np.array(layouts), shown))


def _encode_upright(
    network: Network, cutter: HostCrops, batches: Batches, shots: Sequence[SupportShot]
) -> tuple[list[KeypointTokens], CrossCheck]:
    """Tokens of each shot, a batch of one, and their cross-check. The features, which take the most
    memory, are freed on return."""

    def encode(some: slice) -> list[SeenShot]:
        features, marked, known = _extract(network, cutter, shots[some])
        shared = network.config.shared_backbone
        seen = features if shared else network.extract(_cut(cutter, shots[some]))
        kept = seen.clone()  # the next pass uses its memory
        tokens = network.net.pool([features], [marked], [known])
        return [
            SeenShot(shot, tokens.sample(at), kept[at : at + 1])
            for at, shot in enumerate(shots[some])
        ]

    seen = [shot for _, some in batches.run(len(shots), encode, TOGETHER) for shot in some]
    return [shot.tokens for shot in seen], cross_check(network, batches, seen)


def _extract(
    network: Network, cutter: HostCrops, shots: Sequence[SupportShot], rotation: float = 0.0
) -> tuple[Tensor, Tensor, Tensor]:
    """Features of shots [N, C, h, w] rotated by `rotation` degrees, soft masks of their
    keypoints [N, K, 64, 64], and whether each is shown [N, K]."""
    config = network.config
    maps, shown = [], []
    for shot in shots:
        crop = Crop.of_box(_box(shot), config.image_size, rotation=rotation)
        heatmaps, weight = support_heatmaps(
            crop.to_crop(shot.keypoints),
            shot.visible,
            config.image_size,
            sigma=config.mask_sigma,
            rounded=config.round_masks,
        )
        maps.append(heatmaps)
        shown.append(weight)
    marked = torch.from_numpy(np.stack(maps)).to(network.device)
    features = network.extract(_cut(cutter, shots, rotation), support=True)
    return features, marked, torch.from_numpy(np.stack(shown)).to(network.device)


def _cut(cutter: HostCrops, shots: Sequence[SupportShot], rotation: float = 0.0) -> Tensor:
    """Normalised crops [N, 3, H, W]."""
    return torch.cat([cutter.cut(shot.image, [_box(shot)], rotation) for shot in shots])


def _box(shot: SupportShot) -> Box:
    height, width = shot.image.shape[:2]
    return clean_box(shot.box, width, height)
