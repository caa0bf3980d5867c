"""An annotated object as network input: crop, keypoints in the crop, soft masks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cape_ros.core.images import read_image
from cape_ros.lab.datasets.mp100 import Instance
from cape_ros.model import CapeFormerConfig
from cape_ros.perception.geometry import Crop, crop_image, support_heatmaps
from cape_ros.perception.inference.crops import IMAGENET_MEAN, IMAGENET_STD

MASK = 64  # cells across and down a soft mask


@dataclass(frozen=True, eq=False)
class View:
    """pixels: [H, W, 3] uint8 RGB. points: [K, 2] in [0, 1] of the crop. visible: [K] bool.

    An invisible keypoint inside the crop is hidden, one beyond it outside; an unknown place
    is NaN.
    """

    pixels: np.ndarray
    points: np.ndarray
    visible: np.ndarray


@dataclass(frozen=True)
class Batch:
    """Views as tensors: images [B, 3, H, W], normalised; points [B, K, 2] in [0, 1];
    heatmaps [B, K, 64, 64]; weight [B, K], 1 = shown and inside the crop."""

    images: Tensor
    points: Tensor
    heatmaps: Tensor
    weight: Tensor


def images_in(folder: Path) -> Iterator[Path]:
    """Photographs below a folder, in the order of their names."""
    return (p for p in sorted(folder.rglob("*")) if p.suffix.lower() in (".jpg", ".jpeg", ".png"))


def render(
    instance: Instance,
    size: tuple[int, int] = (256, 256),
    scale: float = 1.0,
    rotation: float = 0.0,
) -> View:
    """The protocol's crop of an instance; `scale` times as wide, rotated by `rotation` degrees."""
    crop = Crop.of_box(instance.box, size, scale, rotation)
    points = crop.to_crop(instance.keypoints) / np.array(size[::-1], np.float32)
    return View(crop_image(read_image(instance.image), crop), points, instance.visible)


def normalise(pixels: Tensor) -> Tensor:
    """[B, H, W, 3] RGB, in grey levels -> [B, 3, H, W] as the backbone wants it."""
    mean, std = (torch.tensor(v, device=pixels.device) for v in (IMAGENET_MEAN, IMAGENET_STD))
    return ((pixels.float() - mean) / std).permute(0, 3, 1, 2)


def collate(views: Sequence[View], config: CapeFormerConfig) -> Batch:
    """Views of one size, with the soft masks that a network wants to see; those with fewer
    keypoints are padded with invisible ones."""
    count = max(len(view.points) for view in views)
    rows, columns = views[0].pixels.shape[:2]
    points = np.zeros((len(views), count, 2), np.float32)
    heatmaps = np.zeros((len(views), count, MASK, MASK), np.float32)
    weight = np.zeros((len(views), count), np.float32)
    for at, view in enumerate(views):
        k = len(view.points)
        scaled = view.points * np.array([columns, rows], np.float32)
        heatmaps[at, :k], weight[at, :k] = support_heatmaps(
            scaled,
            view.visible,
            (rows, columns),
            MASK,
            sigma=config.mask_sigma,
            rounded=config.round_masks,
        )
        points[at, :k] = np.where(view.visible[:, None], view.points, 0)
    return Batch(
        normalise(torch.from_numpy(np.stack([view.pixels for view in views]))),
        torch.from_numpy(points),
        torch.from_numpy(heatmaps),
        torch.from_numpy(weight),
    )
