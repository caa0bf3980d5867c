"""Augmented views of annotated objects, and of photographs without any annotation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator

from cape_ros.evaluation.protocol import Instance
from cape_ros.evaluation.views import View, read_image
from cape_ros.perception.geometry import Crop

SIZE = 256
CORNERS = np.array([[0, 0], [SIZE, 0], [SIZE, SIZE], [0, SIZE]], np.float32)


@cache
def photograph(path: Path) -> np.ndarray:
    """The decoded image; all of the training data fits into memory."""
    return read_image(path)


def view_of_instance(
    instance: Instance, generator: Generator, flip: bool, backgrounds: Sequence[Path]
) -> View:
    """An object turned, scaled, shifted and recoloured, sometimes pasted on another background.

    Every query turns on its own, so the support's layout is a bad guess; a flip changes what is
    left and right, so a whole episode flips or nobody does.
    """
    image = photograph(instance.image)
    x, y, w, h = instance.box
    shift = generator.uniform(-0.1, 0.1, 2) * max(w, h)
    scale = float(np.clip(np.exp(generator.normal(0.08, 0.22)), 0.75, 2.0))
    crop = Crop.of_box((x + shift[0], y + shift[1], w, h), (SIZE, SIZE), scale, turn(generator))
    matrix = np.vstack((crop.matrix, (0, 0, 1)))
    visible = instance.visible
    points = np.where(visible[:, None], instance.keypoints, 0)
    background = pick(backgrounds, generator) if generator.random() < 0.4 else None
    return finish(image, matrix, points, visible, generator, flip, background)


def turn(generator: Generator) -> float:
    """Degrees: mostly a little, often a lot, sometimes any way round."""
    kind = generator.random()
    if kind < 0.65:
        return float(generator.normal(0, 12))
    return float(generator.uniform(-60, 60) if kind < 0.85 else generator.uniform(-180, 180))


def views_of_photograph(path: Path, generator: Generator, views: int, keypoints: int) -> list[View]:
    """One photograph seen from `views` sides, with keypoints where it has texture."""
    image = photograph(path)
    height, width = image.shape[:2]
    side = min(height, width) * generator.uniform(0.55, 1.0)
    left, top = generator.uniform(0, width - side), generator.uniform(0, height - side)
    square = np.array([left, top], np.float32) + CORNERS * np.float32(side / SIZE)
    points = textured_places(image, (left, top, side), generator, keypoints)
    visible = np.ones(len(points), bool)
    return [
        finish(
            image,
            cv2.getPerspectiveTransform(square, some_quadrangle(generator)),
            points,
            visible,
            generator,
            flip=bool(generator.random() < 0.5),
            background=None,
        )
        for _ in range(views)
    ]


def textured_places(
    image: np.ndarray, square: tuple[float, float, float], generator: Generator, count: int
) -> np.ndarray:
    """[count, 2] places in a square (left, top, side): half corners, the rest anywhere."""
    left, top, side = square
    x, y, s = int(left), int(top), int(side)
    grey = cv2.cvtColor(image[y : y + s, x : x + s], cv2.COLOR_RGB2GRAY)
    corners = cv2.goodFeaturesToTrack(grey, 4 * count, 0.02, side / 16)
    anywhere = generator.uniform(0.05, 0.95, (count, 2)) * side
    found = corners[:, 0] if corners is not None else np.empty((0, 2))
    found = generator.permutation(found)[: count // 2]
    return np.concatenate((found, anywhere))[:count].astype(np.float32) + np.array(
        (left, top), np.float32
    )


def some_quadrangle(generator: Generator) -> np.ndarray:
    """Where the corners of a square go: turned, scaled, shifted, seen at an angle."""
    angle = math.radians(turn(generator))
    c, s = math.cos(angle), math.sin(angle)
    scale = np.exp(generator.normal(0, 0.25)) * np.exp(generator.normal(0, 0.1, 2))
    corners = (CORNERS - SIZE / 2) * scale @ np.array([[c, -s], [s, c]]) + SIZE / 2
    corners += generator.normal(0, 0.06 * SIZE, 2) + generator.normal(0, 0.05 * SIZE, (4, 2))
    return corners.astype(np.float32)


def finish(
    image: np.ndarray,
    matrix: np.ndarray,
    points: np.ndarray,
    visible: np.ndarray,
    generator: Generator,
    flip: bool,
    background: np.ndarray | None,
) -> View:
    """Cut the view that a homography [3, 3] describes out of an image; recolour, cover, flip."""
    pixels = cv2.warpPerspective(image, matrix, (SIZE, SIZE), flags=cv2.INTER_LINEAR)
    if background is not None:
        inside = cv2.warpPerspective(np.ones(image.shape[:2], np.uint8), matrix, (SIZE, SIZE))
        pixels = np.where(inside[..., None] > 0, pixels, background)
    pixels = recolour(pixels, generator)
    places = cv2.perspectiveTransform(points[None].astype(np.float64), matrix)[0]
    if flip:
        pixels = pixels[:, ::-1]
        places[:, 0] = SIZE - 1 - places[:, 0]
    visible = visible & (places >= 0).all(axis=1) & (places <= SIZE - 1).all(axis=1)
    return View(np.ascontiguousarray(pixels), (places / SIZE).astype(np.float32), visible)


def pick(backgrounds: Sequence[Path], generator: Generator) -> np.ndarray:
    """A photograph as a background [SIZE, SIZE, 3]."""
    path = backgrounds[int(generator.integers(len(backgrounds)))]
    return cv2.resize(photograph(path), (SIZE, SIZE))


def recolour(pixels: np.ndarray, generator: Generator) -> np.ndarray:
    """Other light, other white balance, other sharpness, sometimes no colour."""
    colours = pixels.astype(np.float32)
    if generator.random() < 0.15:
        colours[...] = colours.mean(axis=2, keepdims=True)
    gain = np.exp(generator.normal(0, 0.2)) * np.exp(generator.normal(0, 0.07, 3))
    colours = colours * gain.astype(np.float32) + np.float32(generator.normal(0, 12))
    if generator.random() < 0.2:
        colours = cv2.GaussianBlur(colours, (0, 0), float(generator.uniform(0.5, 2.0)))
    if generator.random() < 0.2:
        colours += generator.normal(0, 6, colours.shape).astype(np.float32)
    return np.clip(colours, 0, 255).astype(np.uint8)
