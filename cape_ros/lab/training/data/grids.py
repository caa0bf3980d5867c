"""Coarse sampling grids: view pixel -> image pixel, linear in between.

A grid is [N, N, 2]: pixels (x, y) of the image, for the view's pixels 0, STEP, 2 STEP, ... across
and down; between them it is linear.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

STEP = 4  # pixels of the view


def nodes(size: int) -> np.ndarray:
    """The view's own pixels that a grid speaks of: [N, N, 2], for a view of `size` pixels."""
    axis = np.arange(0, size + STEP, STEP, dtype=np.float64)
    return np.stack(np.meshgrid(axis, axis), axis=-1)


def through(matrix: np.ndarray, view: np.ndarray) -> np.ndarray:
    """Places [N, N, 2] of a view as pixels of the image of which a homography [3, 3] cuts it."""
    return cv2.perspectiveTransform(view, np.linalg.inv(matrix))


def dense(grid: np.ndarray, size: int) -> np.ndarray:
    """A grid for every pixel, [size, size, 2] float32, as `cv2.remap` wants it."""
    at = np.arange(size, dtype=np.float32) / STEP
    across, down = np.meshgrid(at, at)
    return cv2.remap(grid.astype(np.float32), across, down, cv2.INTER_LINEAR)


def sample(images: Tensor, grids: Tensor, size: int) -> Tensor:
    """As `cv2.remap`, images [B, C, h, w] sampled at grids [B, N, N, 2]: [B, C, size, size];
    0 beside the images."""
    last = (grids.shape[1] - 1) * STEP + 1
    maps = F.interpolate(grids.movedim(-1, 1), (last, last), mode="bilinear", align_corners=True)
    places = maps[..., :size, :size].movedim(1, -1)
    height, width = images.shape[-2:]
    whole = torch.tensor((width, height), device=images.device)
    return F.grid_sample(images, (2 * places + 1) / whole - 1, align_corners=False)
