"""Self-supervised views: unannotated photographs, warped, with sampled keypoints."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.random import Generator

from cape_ros.lab.datasets.views import View
from cape_ros.lab.training.data.augment import (
    draw_rotation,
    finish,
    photograph,
    project,
    show,
    source,
)
from cape_ros.lab.training.data.grids import dense, nodes, through
from cape_ros.lab.training.data.thin_plate import bend

Warp = Literal["affine", "homography", "thin plate"]
WARPS: tuple[Warp, ...] = get_args(Warp)


def views_of_photograph(
    path: Path,
    generator: Generator,
    views: int,
    keypoints: int,
    size: tuple[int, int],
    warp: Warp = "homography",
    sketch: bool = False,
) -> list[View]:
    """One photograph seen from `views` sides, with keypoints where it has texture.

    Each view flips on its own. A keypoint is visible where its place lies in the view: nothing
    covers anything here. size: (height, width) of a view. sketch: a device is to draw them.
    """
    image = source(path) if sketch else photograph(path)
    height, width = image.shape[:2]
    zoom = min(height / size[0], width / size[1]) * generator.uniform(0.55, 1.0)
    h, w = zoom * size[0], zoom * size[1]
    left, top = generator.uniform(0, width - w), generator.uniform(0, height - h)
    window = np.array([left, top], np.float32) + corners(size) * np.float32(zoom)
    points = textured_places(image, (left, top, w, h), generator, keypoints)
    return [warped(image, window, points, generator, size, warp, sketch) for _ in range(views)]


def warped(
    image: np.ndarray,
    window: np.ndarray,
    points: np.ndarray,
    generator: Generator,
    size: tuple[int, int],
    warp: Warp,
    sketch: bool = False,
) -> View:
    """The window [4, 2] of an image from a new side, with the places [K, 2] of the image."""
    visible = np.ones(len(points), bool)
    draw = a_parallelogram if warp == "affine" else some_quadrangle
    matrix = cv2.getPerspectiveTransform(window, draw(generator, size))
    flip = bool(generator.random() < 0.5)
    if warp == "thin plate":
        grid, places = bend(size, matrix, points.astype(np.float64), generator)
    elif sketch:
        grid, places = through(matrix, nodes(size)), project(points, matrix)
    else:
        return finish(image, matrix, points, visible, generator, flip, size, background=None)
    if sketch:
        return show(image, places, visible, generator, flip, size, sketch, grid)
    maps = dense(grid, size)
    pixels = cv2.remap(image, maps[..., 0], maps[..., 1], cv2.INTER_LINEAR)
    return show(pixels, places, visible, generator, flip, size)


def textured_places(
    image: np.ndarray, window: tuple[float, float, float, float], generator: Generator, count: int
) -> np.ndarray:
    """[count, 2] places in a window (x, y, width, height): half corners, the rest anywhere."""
    left, top, width, height = window
    x, y, w, h = map(int, window)
    grey = cv2.cvtColor(image[y : y + h, x : x + w], cv2.COLOR_RGB2GRAY)
    features = cv2.goodFeaturesToTrack(grey, 4 * count, 0.02, max(width, height) / 16)
    anywhere = generator.uniform(0.05, 0.95, (count, 2)) * (width, height)
    detected = features[:, 0] if features is not None else np.empty((0, 2))
    detected = generator.permutation(detected)[: count // 2]
    return np.concatenate((detected, anywhere))[:count].astype(np.float32) + np.array(
        (left, top), np.float32
    )


def corners(size: tuple[int, int]) -> np.ndarray:
    """[4, 2] float32, of a view of (height, width), clockwise from its top left."""
    height, width = size
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)


def some_quadrangle(generator: Generator, size: tuple[int, int]) -> np.ndarray:
    """The corners of a view after a homography: rotation, scale, shift, perspective."""
    extent = np.array(size[::-1])
    moved = _rotated(generator, size, 0.1)
    moved += generator.normal(0, 0.06 * extent) + generator.normal(0, 0.05 * extent, (4, 2))
    return moved.astype(np.float32)


def a_parallelogram(generator: Generator, size: tuple[int, int]) -> np.ndarray:
    """The corners of a view after an affine map: rotation, stretch, shear, shift."""
    extent = np.array(size[::-1])
    shear = np.array([[1, generator.normal(0, 0.15)], [0, 1]])
    moved: np.ndarray = (_rotated(generator, size, 0.15) - extent / 2) @ shear + extent / 2
    return (moved + generator.normal(0, 0.06 * extent)).astype(np.float32)


def _rotated(generator: Generator, size: tuple[int, int], stretch: float) -> np.ndarray:
    middle = np.array(size[::-1]) / 2
    angle = math.radians(draw_rotation(generator))
    c, s = math.cos(angle), math.sin(angle)
    scale = np.exp(generator.normal(0, 0.25)) * np.exp(generator.normal(0, stretch, 2))
    rotated: np.ndarray = (corners(size) - middle) * scale @ np.array([[c, -s], [s, c]]) + middle
    return rotated
