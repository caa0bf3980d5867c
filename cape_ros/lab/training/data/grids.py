"""Coarse sampling grids: view pixel -> image pixel, linear in between.

A grid is [M, N, 2]: pixels (x, y) of the image, for the view's pixels 0, STEP, 2 STEP, ... across
and down; between them it is linear.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

STEP = 4  # pixels of the view


def nodes(size: tuple[int, int]) -> np.ndarray:
    """The view's own pixels that a grid speaks of: [M, N, 2], for a view of (height, width)."""
    down, across = (np.arange(0, side + STEP, STEP, dtype=np.float64) for side in size)
    return np.stack(np.meshgrid(across, down), axis=-1)


def through(matrix: np.ndarray, view: np.ndarray) -> np.ndarray:
    """Places [M, N, 2] of a view as pixels of the image of which a homography [3, 3] cuts it."""
    return cv2.perspectiveTransform(view, np.linalg.inv(matrix))


def dense(grid: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A grid for every pixel, [height, width, 2] float32, as `cv2.remap` wants it."""
    rows, columns = (np.arange(side, dtype=np.float32) / STEP for side in size)
    across, down = np.meshgrid(columns, rows)
    return cv2.remap(grid.astype(np.float32), across, down, cv2.INTER_LINEAR)


def sample(images: Tensor, grids: Tensor, size: tuple[int, int]) -> Tensor:
    """As `cv2.remap`, images [B, C, h, w] sampled at grids [B, M, N, 2], for views of
    (height, width): [B, C, height, width]; 0 beside the images."""
    last = [(count - 1) * STEP + 1 for count in grids.shape[1:3]]
    maps = F.interpolate(grids.movedim(-1, 1), last, mode="bilinear", align_corners=True)
    places = maps[..., : size[0], : size[1]].movedim(1, -1)
    height, width = images.shape[-2:]
    whole = torch.tensor((width, height), device=images.device)
    return F.grid_sample(images, (2 * places + 1) / whole - 1, align_corners=False)
