"""From an image and boxes to the network's input: cut on the host, or on the GPU.

Both cut the same crops: bilinear, black outside the image, whole numbers are pixel centres. OpenCV
rounds its sampling points to 1/32 pixel, the GPU does not.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from cape_ros.perception.geometry import Box, Crop, crop_image

IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)


class HostCrops:
    """Cut by OpenCV into memory that is kept, then handed to the device.

    size: (height, width) of a crop. most: crops of one call.
    """

    def __init__(self, size: tuple[int, int], most: int, device: torch.device):
        self.size, self.device = size, device
        self._pixels = np.empty((most, *size, 3), np.uint8)
        self._scale, self._shift = normalisation(device)

    def cut(self, image: np.ndarray, boxes: Sequence[Box]) -> Tensor:
        """Normalised crops [N, 3, H, W] of an image [H, W, 3] uint8 RGB."""
        return self.upload(self.pixels(image, boxes))

    def pixels(self, image: np.ndarray, boxes: Sequence[Box]) -> np.ndarray:
        """Crops [N, H, W, 3] uint8 RGB, in memory that the next call uses again."""
        crops = self._pixels[: len(boxes)]
        source, backwards = as_stored(image)
        for box, crop in zip(boxes, crops, strict=True):
            crop_image(source, Crop.of_box(box, self.size), out=crop)
        if backwards:
            crops[...] = crops[..., ::-1].copy()
        return crops

    def upload(self, pixels: np.ndarray) -> Tensor:
        """Crops [N, H, W, 3] uint8 RGB -> normalised [N, 3, H, W] on the device."""
        crops = torch.from_numpy(pixels).to(self.device).permute(0, 3, 1, 2)
        return torch.addcmul(self._shift, crops.float(), self._scale)


class DeviceCrops:
    """The image crosses to the device once, from pinned memory, and is cut there."""

    def __init__(self, size: tuple[int, int], device: torch.device):
        self.size, self.device = size, device
        self._scale, self._shift = normalisation(device)
        self._pinned = self._landed = torch.empty(0, dtype=torch.uint8)
        self._copying = torch.cuda.Stream(device) if device.type == "cuda" else None

    def cut(self, image: np.ndarray, boxes: Sequence[Box]) -> Tensor:
        """Normalised crops [N, 3, H, W] of an image [H, W, 3] uint8 RGB."""
        source, backwards = as_stored(image)
        frame = self._upload(source)
        crops = [Crop.of_box(box, self.size) for box in boxes]
        sampled = sample(frame, self._grids(crops, source.shape[:2]))
        if backwards:
            sampled = sampled.flip(1)
        return torch.addcmul(self._shift, sampled, self._scale).contiguous(
            memory_format=torch.channels_last
        )

    def _upload(self, image: np.ndarray) -> Tensor:
        """[H, W, 3] uint8 on the device, in memory that the next call uses again."""
        if self._copying is None:
            return torch.from_numpy(np.ascontiguousarray(image)).to(self.device)
        if self._pinned.numel() < image.size:  # the largest of all cameras is kept
            self._pinned = torch.empty(image.size, dtype=torch.uint8, pin_memory=True)
            self._landed = torch.empty(image.size, dtype=torch.uint8, device=self.device)
        pinned = self._pinned[: image.size].view(image.shape)
        landed = self._landed[: image.size].view(image.shape)
        np.copyto(pinned.numpy(), image)
        computing = torch.cuda.current_stream(self.device)
        self._copying.wait_stream(computing)  # the last frame is cut by now
        with torch.cuda.stream(self._copying):
            landed.copy_(pinned, non_blocking=True)
        computing.wait_stream(self._copying)
        return landed

    def _grids(self, crops: Sequence[Crop], shape: Sequence[int]) -> Tensor:
        """Where the pixels of each crop lie in an image of (height, width): [N, H, W, 2], as
        `grid_sample` counts, from -1 to 1 over all pixels."""
        rows, columns = self.size
        height, width = shape
        # Of the crop's corner and its steps; the crops of a frame are not turned.
        corner = np.array([crop.to_image(np.zeros(2)) for crop in crops], np.float64)
        step = np.array([1 / crop.zoom for crop in crops])[:, None]
        extent = np.array([width, height])
        first, further = (2 * corner + 1) / extent - 1, 2 * step / extent
        numbers = torch.from_numpy(np.stack((first, further), axis=1).astype(np.float32))
        placed = numbers.to(self.device)
        x = placed[:, 0, :1] + placed[:, 1, :1] * torch.arange(columns, device=self.device)
        y = placed[:, 0, 1:] + placed[:, 1, 1:] * torch.arange(rows, device=self.device)
        return torch.stack(
            (x[:, None, :].expand(-1, rows, -1), y[:, :, None].expand(-1, -1, columns)), dim=-1
        )


def sample(frame: Tensor, grids: Tensor) -> Tensor:
    """frame [H, W, 3] uint8, grids [N, h, w, 2] -> [N, 3, h, w] float32 from 0 to 255."""
    count, rows, columns, _ = grids.shape
    image = frame.permute(2, 0, 1)[None].float()
    sampled = F.grid_sample(image, grids.reshape(1, count * rows, columns, 2), align_corners=False)
    return sampled.view(3, count, rows, columns).transpose(0, 1)


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
