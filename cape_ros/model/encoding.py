"""Sine encodings of positions on a grid, of the order of keypoints and of coordinates.

A grid position is (i + 1) / n, a coordinate is a cell centre, (i + 0.5) / n: the released model
keeps the two half a cell apart, and its weights expect that.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

TEMPERATURE = 10000.0
EPSILON = 1e-6


def encode_coordinates(points: Tensor, width: int) -> Tensor:
    """Encode points [..., 2], (x, y) in [0, 1], as [..., width]: the half of y, then that of x."""
    pairs = torch.arange(width // 4, dtype=points.dtype, device=points.device)
    frequency = 2 * math.pi * TEMPERATURE ** (pairs * (-4 / width))  # of a sine and a cosine
    angle = points.flip(-1).unsqueeze(-1) * frequency
    return torch.stack((angle.sin(), angle.cos()), dim=-1).flatten(-3)


def at_least_single(numbers: Tensor) -> Tensor:
    """Half-precision numbers as float32: where they decide about positions, they are too coarse."""
    return numbers.to(torch.promote_types(numbers.dtype, torch.float32))


def encode_grid(height: int, width: int, channels: int) -> Tensor:
    """Encode every cell of a grid: [height * width, channels], row by row."""
    y = torch.arange(1, height + 1, dtype=torch.float32) / (height + EPSILON)
    x = torch.arange(1, width + 1, dtype=torch.float32) / (width + EPSILON)
    rows, columns = torch.meshgrid(y, x, indexing="ij")
    return encode_coordinates(torch.stack((columns, rows), dim=-1), channels).flatten(0, 1)


def encode_order(length: int, channels: int) -> Tensor:
    """Encode the order of `length` keypoints, a grid of one row: [length, channels]."""
    return encode_grid(1, length, channels)


def cell_centres(
    height: int,
    width: int,
    dtype: torch.dtype = torch.float32,
    device: torch.device | None = None,
) -> Tensor:
    """Centres of the grid's cells, (x, y) in [0, 1]: [height * width, 2], row by row."""
    y = (torch.arange(height, dtype=dtype, device=device) + 0.5) / height
    x = (torch.arange(width, dtype=dtype, device=device) + 0.5) / width
    rows, columns = torch.meshgrid(y, x, indexing="ij")
    return torch.stack((columns, rows), dim=-1).flatten(0, 1)
