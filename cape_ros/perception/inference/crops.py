"""Crops boxes of an image to the network's input, on the host or on the GPU.

Both cut the same crops: bilinear, black outside the image, whole numbers are pixel centres. OpenCV
rounds its sampling points to 1/32 pixel, the GPU does not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from cape_ros.perception.geometry import Box, Crop, crop_image

IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)

Place = tuple[float, float]


class HostCrops:
    """Cut by OpenCV into memory that is kept, then handed to the device.

    size: (height, width) of a crop. most: crops of one call.
    """

    def __init__(self, size: tuple[int, int], most: int, device: torch.device):
        self.size, self.device = size, device
        self._pixels = np.empty((most, *size, 3), np.uint8)
        self._scale, self._shift = normalisation(device)

    def cut(self, image: np.ndarray, boxes: Sequence[Box], rotation: float = 0.0) -> Tensor:
        """Normalised crops [N, 3, H, W] of an image [H, W, 3] uint8 RGB, rotated counter-clockwise
        by `rotation` degrees."""
        return self.upload(self.pixels(image, boxes, rotation))

    def pixels(self, image: np.ndarray, boxes: Sequence[Box], rotation: float = 0.0) -> np.ndarray:
        """Crops [N, H, W, 3] uint8 RGB, in memory that the next call uses again."""
        crops = self._pixels[: len(boxes)]
        source, backwards = as_stored(image)
        for box, crop in zip(boxes, crops, strict=True):
            crop_image(source, Crop.of_box(box, self.size, rotation=rotation), out=crop)
        if backwards:
            crops[...] = crops[..., ::-1].copy()
        return crops

    def upload(self, pixels: np.ndarray) -> Tensor:
        """Crops [N, H, W, 3] uint8 RGB -> normalised [N, 3, H, W] on the device."""
        crops = torch.from_numpy(pixels).to(self.device).permute(0, 3, 1, 2)
        return torch.addcmul(self._shift, crops.float(), self._scale)


class DeviceCrops:
    """Crops on the device: the part of the image that they need is uploaded once."""

    def __init__(self, size: tuple[int, int], device: torch.device):
        self.size, self.device = size, device
        self._scale, self._shift = normalisation(device)
        self._pinned = self._landed = torch.empty(0, dtype=torch.uint8)
        rows, columns = (torch.arange(n, dtype=torch.float32, device=device) for n in size)
        y, x = torch.meshgrid(rows, columns, indexing="ij")
        self._pixels = torch.stack((x, y, torch.ones_like(x)), dim=-1).flatten(0, 1)

    def cut(self, image: np.ndarray, boxes: Sequence[Box]) -> Tensor:
        """Normalised crops [N, 3, H, W] of an image [H, W, 3] uint8 RGB."""
        source, backwards = as_stored(image)
        crops = [Crop.of_box(box, self.size) for box in boxes]
        corners, steps = [_corner(crop) for crop in crops], [1 / crop.zoom for crop in crops]
        part, origin = self._seen(source, corners, steps)
        grids = self._grids(corners, steps, origin, part.shape)
        sampled = sample(self._upload(part), grids, self.size)
        if backwards:
            sampled = sampled.flip(1)
        return torch.addcmul(self._shift, sampled, self._scale)

    def _seen(
        self, image: np.ndarray, corners: Sequence[Place], steps: Sequence[float]
    ) -> tuple[np.ndarray, tuple[int, int]]:
        """The part of an image that any of the crops shows, and its corner (x, y)."""
        spans = []
        for axis, extent in ((0, image.shape[1]), (1, image.shape[0])):
            length = self.size[1 - axis] - 1
            low = min(corner[axis] for corner in corners)
            high = max(c[axis] + length * step for c, step in zip(corners, steps, strict=True))
            first = min(max(math.floor(low) - 1, 0), extent - 1)
            spans.append((first, min(max(math.ceil(high) + 2, first + 1), extent)))
        (left, right), (top, bottom) = spans
        return image[top:bottom, left:right], (left, top)

    def _upload(self, part: np.ndarray) -> Tensor:
        """[H, W, 3] uint8 on the device, in memory that the next call uses again."""
        if self.device.type != "cuda":
            return torch.from_numpy(np.ascontiguousarray(part)).to(self.device)
        if self._pinned.numel() < part.size:  # the largest so far is kept
            self._pinned = torch.empty(part.size, dtype=torch.uint8, pin_memory=True)
            self._landed = torch.empty(part.size, dtype=torch.uint8, device=self.device)
        pinned = self._pinned[: part.size].view(part.shape)
        landed = self._landed[: part.size].view(part.shape)
        np.copyto(pinned.numpy(), part)  # every frame ends by waiting: the last one has crossed
        return landed.copy_(pinned, non_blocking=True)

    def _grids(
        self,
        corners: Sequence[Place],
        steps: Sequence[float],
        origin: tuple[int, int],
        shape: Sequence[int],
    ) -> Tensor:
        """The places of each crop's pixels in a part of the image, of (height, width) from
        `origin` on: [N, H * W, 2], as `grid_sample` counts, from -1 to 1 over all its pixels."""
        height, width = shape[:2]
        left, top = origin
        place = np.array(
            [
                (
                    (2 * step / width, 0),
                    (0, 2 * step / height),
                    ((2 * (x - left) + 1) / width - 1, (2 * (y - top) + 1) / height - 1),
                )
                for (x, y), step in zip(corners, steps, strict=True)
            ],
            np.float32,
        )
        return self._pixels @ torch.from_numpy(place).to(self.device)


def _corner(crop: Crop) -> Place:
    """The place of the first pixel of a crop that is not rotated, as all of a frame are."""
    (x, y), (rows, columns) = crop.center, crop.size
    return x - columns / 2 / crop.zoom, y - rows / 2 / crop.zoom


def sample(frame: Tensor, grids: Tensor, size: tuple[int, int]) -> Tensor:
    """Crops [N, 3, h, w] float32, from 0 to 255, of a frame [H, W, 3] uint8.

    grids: [N, h * w, 2], as of `grid_sample`. size: (h, w).
    """
    image = frame.permute(2, 0, 1)[None].float()
    sampled = F.grid_sample(image, grids.view(1, -1, size[1], 2), align_corners=False)
    return sampled.view(3, -1, *size).transpose(0, 1)


def normalisation(device: torch.device) -> tuple[Tensor, Tensor]:
    """Scale and shift [3, 1, 1] from pixels to what the backbones were trained on."""
    mean = torch.tensor(IMAGENET_MEAN, device=device).view(3, 1, 1)
    std = torch.tensor(IMAGENET_STD, device=device).view(3, 1, 1)
    return 1 / std, -mean / std


def as_stored(image: np.ndarray) -> tuple[np.ndarray, bool]:
    """The image as it lies in memory, and whether its channels lie backwards there.

    A camera's BGR image is a view with its channels reversed: OpenCV needs it unreversed.
    """
    backwards = image.strides[2] < 0
    source = image[..., ::-1] if backwards else image
    if source.strides[1:] != (3, 1):  # of four channels: OpenCV would copy it for every box
        source = np.ascontiguousarray(source)
    return source, backwards
