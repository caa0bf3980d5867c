"""Photometric augmentation: gain, white balance, blur, noise, grey."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor
from torch.nn import functional as F

SHARPEST, DULLEST = 0.5, 2.0  # sigma of a blur, in pixels
NOISE = 6.0  # standard deviation, in grey levels
REACH = math.ceil(4 * DULLEST)  # of a blur's kernel, in pixels


@dataclass(frozen=True, eq=False)
class Light:
    """The recolouring of a view, in this order: grey, gain [3] and shift in grey levels, blur of so
    many pixels (sigma; 0 = none), noise."""

    grey: bool
    gain: np.ndarray
    shift: float
    blur: float
    noisy: bool

    @classmethod
    def draw(cls, generator: Generator) -> Light:
        grey = bool(generator.random() < 0.15)
        gain = np.exp(generator.normal(0, 0.2)) * np.exp(generator.normal(0, 0.07, 3))
        shift = float(generator.normal(0, 12))
        dull = generator.random() < 0.2
        blur = float(generator.uniform(SHARPEST, DULLEST)) if dull else 0.0
        return cls(grey, gain.astype(np.float32), shift, blur, bool(generator.random() < 0.2))

    def shine(self, pixels: np.ndarray, generator: Generator) -> np.ndarray:
        """[H, W, 3] uint8 in this light; the generator draws the noise."""
        colours = pixels.astype(np.float32)
        if self.grey:
            colours[...] = colours.mean(axis=2, keepdims=True)
        colours = colours * self.gain + np.float32(self.shift)
        if self.blur:
            colours = cv2.GaussianBlur(colours, (0, 0), self.blur)
        if self.noisy:
            colours += generator.normal(0, NOISE, colours.shape).astype(np.float32)
        clipped: np.ndarray = np.clip(colours, 0, 255)
        return clipped.astype(np.uint8)


@dataclass(frozen=True)
class Lights:
    """The recolouring of a batch: grey [B] bool, gain [B, 3], shift [B]; which samples are blurred,
    [D], and how much, [D]; which are noisy, [M]."""

    grey: Tensor
    gain: Tensor
    shift: Tensor
    dull: Tensor
    blur: Tensor
    noisy: Tensor

    @classmethod
    def of(cls, lights: Sequence[Light]) -> Lights:
        blur = torch.tensor([light.blur for light in lights])
        dull = blur.nonzero().squeeze(1)
        return cls(
            torch.tensor([light.grey for light in lights]),
            torch.from_numpy(np.stack([light.gain for light in lights])),
            torch.tensor([light.shift for light in lights]),
            dull,
            blur[dull],
            torch.tensor([light.noisy for light in lights]).nonzero().squeeze(1),
        )

    def shine(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """[B, 3, H, W] in grey levels, each in its light; the generator draws the noise."""
        colours = torch.where(_each(self.grey), images.mean(dim=1, keepdim=True), images)
        colours = colours * self.gain[..., None, None] + _each(self.shift)
        if len(self.dull):
            colours[self.dull] = _blurred(colours[self.dull], self.blur)
        if len(self.noisy):
            shape = len(self.noisy), *colours.shape[1:]
            noise = torch.randn(shape, generator=generator, device=colours.device)
            colours[self.noisy] += NOISE * noise
        return colours.clamp(0, 255)


def _each(values: Tensor) -> Tensor:
    """[B] beside images [B, 3, H, W]."""
    return values[:, None, None, None]


def _blurred(images: Tensor, sigma: Tensor) -> Tensor:
    """[B, 3, H, W], each by a Gaussian of its own sigma [B]."""
    away = torch.arange(-REACH, REACH + 1, device=images.device)
    bell = torch.exp(-(away**2) / (2 * sigma[:, None] ** 2))
    kernels = (bell / bell.sum(dim=1, keepdim=True)).repeat_interleave(3, dim=0)
    flat = F.pad(images, (REACH,) * 4, mode="reflect").flatten(0, 1)[None]
    across = F.conv2d(flat, kernels[:, None, None], groups=len(kernels))
    return F.conv2d(across, kernels[:, None, :, None], groups=len(kernels)).view_as(images)
