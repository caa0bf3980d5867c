"""An annotated object as the network is shown it: crop, keypoints in the crop, soft masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from cape_ros.errors import InvalidInput
from cape_ros.model import CapeFormerConfig
from cape_ros.perception.estimator import IMAGENET_MEAN, IMAGENET_STD
from cape_ros.perception.geometry import Crop, crop_image, support_heatmaps
from cape_ros.training.data.mp100 import Instance


@dataclass(frozen=True, eq=False)
class View:
    """pixels: [H, W, 3] uint8 RGB. points: [K, 2] in [0, 1] of the crop. visible: [K] bool."""

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


def read_image(path: object) -> np.ndarray:
    """[H, W, 3] uint8 RGB. Raises `InvalidInput` for a file that is no image."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise InvalidInput.of(str(path), "is not an image that can be read")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def look(instance: Instance, size: tuple[int, int] = (256, 256)) -> View:
    """The protocol's crop of an instance."""
    crop = Crop.of_box(instance.box, size)
    points = crop.to_crop(instance.keypoints) / np.array(size[::-1], np.float32)
    return View(crop_image(read_image(instance.image), crop), points, instance.visible)


def normalise(pixels: np.ndarray) -> Tensor:
    """[B, H, W, 3] uint8 RGB -> [B, 3, H, W] as the backbone wants it."""
    mean, std = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
    return ((torch.from_numpy(pixels).float() - mean) / std).permute(0, 3, 1, 2)


def collate(views: Sequence[View], config: CapeFormerConfig) -> Batch:
    """Views of one size, with the soft masks that a network wants to see; those with fewer
    keypoints are padded with invisible ones."""
    count = max(len(view.points) for view in views)
    rows, columns = views[0].pixels.shape[:2]
    points = np.zeros((len(views), count, 2), np.float32)
    heatmaps = np.zeros((len(views), count, 64, 64), np.float32)
    weight = np.zeros((len(views), count), np.float32)
    for at, view in enumerate(views):
        k = len(view.points)
        scaled = view.points * np.array([columns, rows], np.float32)
        heatmaps[at, :k], weight[at, :k] = support_heatmaps(
            scaled,
            view.visible,
            (rows, columns),
            sigma=config.mask_sigma,
            rounded=config.round_masks,
        )
        points[at, :k] = np.where(view.visible[:, None], view.points, 0)
    return Batch(
        normalise(np.stack([view.pixels for view in views])),
        torch.from_numpy(points),
        torch.from_numpy(heatmaps),
        torch.from_numpy(weight),
    )
