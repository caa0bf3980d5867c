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
    SIZE,
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
CORNERS = np.array([[0, 0], [SIZE, 0], [SIZE, SIZE], [0, SIZE]], np.float32)


def views_of_photograph(
    path: Path,
    generator: Generator,
    views: int,
    keypoints: int,
    warp: Warp = "homography",
    sketch: bool = False,
) -> list[View]:
    """One photograph seen from `views` sides, with keypoints where it has texture.

    Each view flips on its own. A keypoint is visible where its place lies in the view: nothing
    covers anything here. sketch: a device is to draw them.
    """
    image = source(path) if sketch else photograph(path)
    height, width = image.shape[:2]
    side = min(height, width) * generator.uniform(0.55, 1.0)
    left, top = generator.uniform(0, width - side), generator.uniform(0, height - side)
    square = np.array([left, top], np.float32) + CORNERS * np.float32(side / SIZE)
    points = textured_places(image, (left, top, side), generator, keypoints)
    return [warped(image, square, points, generator, warp, sketch) for _ in range(views)]


def warped(
    image: np.ndarray,
    square: np.ndarray,
    points: np.ndarray,
    generator: Generator,
    warp: Warp,
    sketch: bool = False,
) -> View:
    """The square [4, 2] of an image from a new side, with the places [K, 2] of the image."""
    visible = np.ones(len(points), bool)
    corners = a_parallelogram(generator) if warp == "affine" else some_quadrangle(generator)
    matrix = cv2.getPerspectiveTransform(square, corners)
    flip = bool(generator.random() < 0.5)
    if warp == "thin plate":
        grid, places = bend(SIZE, matrix, points.astype(np.float64), generator)
    elif sketch:
        grid, places = through(matrix, nodes(SIZE)), project(points, matrix)
    else:
        return finish(image, matrix, points, visible, generator, flip, background=None)
    if sketch:
        return show(image, places, visible, generator, flip, sketch, grid)
    maps = dense(grid, SIZE)
    pixels = cv2.remap(image, maps[..., 0], maps[..., 1], cv2.INTER_LINEAR)
    return show(pixels, places, visible, generator, flip)


def textured_places(
    image: np.ndarray, square: tuple[float, float, float], generator: Generator, count: int
) -> np.ndarray:
    """[count, 2] places in a square (left, top, side): half corners, the rest anywhere."""
    left, top, side = square
    x, y, s = int(left), int(top), int(side)
    grey = cv2.cvtColor(image[y : y + s, x : x + s], cv2.COLOR_RGB2GRAY)
    corners = cv2.goodFeaturesToTrack(grey, 4 * count, 0.02, side / 16)
    anywhere = generator.uniform(0.05, 0.95, (count, 2)) * side
    detected = corners[:, 0] if corners is not None else np.empty((0, 2))
    detected = generator.permutation(detected)[: count // 2]
    return np.concatenate((detected, anywhere))[:count].astype(np.float32) + np.array(
        (left, top), np.float32
    )


def some_quadrangle(generator: Generator) -> np.ndarray:
    """The corners of a square after a homography: rotation, scale, shift, perspective."""
    corners = _rotated(generator, 0.1)
    corners += generator.normal(0, 0.06 * SIZE, 2) + generator.normal(0, 0.05 * SIZE, (4, 2))
    return corners.astype(np.float32)


def a_parallelogram(generator: Generator) -> np.ndarray:
    """The corners of a square after an affine map: rotation, stretch, shear, shift."""
    shear = np.array([[1, generator.normal(0, 0.15)], [0, 1]])
    corners: np.ndarray = (_rotated(generator, 0.15) - SIZE / 2) @ shear + SIZE / 2
    return (corners + generator.normal(0, 0.06 * SIZE, 2)).astype(np.float32)


def _rotated(generator: Generator, stretch: float) -> np.ndarray:
    angle = math.radians(draw_rotation(generator))
    c, s = math.cos(angle), math.sin(angle)
    scale = np.exp(generator.normal(0, 0.25)) * np.exp(generator.normal(0, stretch, 2))
    turned: np.ndarray = (CORNERS - SIZE / 2) * scale @ np.array([[c, -s], [s, c]]) + SIZE / 2
    return turned
