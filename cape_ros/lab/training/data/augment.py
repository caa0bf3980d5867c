"""Augmented views of annotated objects: rotation, scale, shift, colour, background."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator

from cape_ros.core.images import read_image
from cape_ros.lab.datasets.mp100 import Instance
from cape_ros.lab.datasets.views import View, render
from cape_ros.lab.training.data.light import Light
from cape_ros.lab.training.data.sketches import Sketch
from cape_ros.perception.geometry import Crop

LARGEST_SOURCE = 512  # pixels of a photograph's longer side that is sent to a device


@lru_cache(5000)  # images: all that the shipped weights were trained on, 0.7 GB
def photograph(path: Path) -> np.ndarray:
    """The decoded image, kept in memory; not to be written to."""
    return read_image(path)


@lru_cache(5000)
def source(path: Path) -> np.ndarray:
    """A photograph that a device is to cut views of; a large one made smaller."""
    image = photograph(path)
    scale = LARGEST_SOURCE / max(image.shape[:2])
    return cv2.resize(image, None, fx=scale, fy=scale) if scale < 1 else image


def view_of_instance(
    instance: Instance,
    generator: Generator,
    flip: bool,
    backgrounds: Sequence[Path],
    size: tuple[int, int],
    sketch: bool = False,
    hidden_known: bool = False,
) -> View:
    """An object rotated, scaled, shifted and recoloured, sometimes pasted on another background.

    Every query is rotated on its own, so the support's layout is a bad guess; a flip changes what
    is left and right, so a whole episode flips or none of it. size: (height, width) of the view.
    sketch: a device is to recolour it. hidden_known: the places of keypoints that are not visible
    are true, not a filler.
    """
    image = photograph(instance.image)
    x, y, w, h = instance.box
    shift = generator.uniform(-0.1, 0.1, 2) * max(w, h)
    scale = float(np.clip(np.exp(generator.normal(0.08, 0.22)), 0.75, 2.0))
    crop = Crop.of_box((x + shift[0], y + shift[1], w, h), size, scale, draw_rotation(generator))
    matrix = np.vstack((crop.matrix, (0, 0, 1)))
    visible = instance.visible
    points = instance.keypoints
    if not hidden_known:
        points = np.where(visible[:, None], points, np.nan)
    background = pick(backgrounds, generator, size) if generator.random() < 0.4 else None
    return finish(image, matrix, points, visible, generator, flip, size, background, sketch)


def view_of_the_paper(instance: Instance, generator: Generator, size: tuple[int, int]) -> View:
    """The release's augmentation: a little larger or smaller, rotated a little in 3 of 5 cases.

    Scale clip(1 + 0.15 N, 0.85, 1.15), rotation clip(15 N, -30, 30) degrees with probability 0.6;
    no shift, no flip, the colours as they are. What is visible is what was annotated.
    """
    scale = float(np.clip(1 + 0.15 * generator.normal(), 0.85, 1.15))
    angle = float(np.clip(15 * generator.normal(), -30, 30))
    if generator.random() >= 0.6:
        angle = 0.0
    return render(instance, size, scale, angle)


def draw_rotation(generator: Generator) -> float:
    """Degrees: mostly a little, often a lot, sometimes uniform over the circle."""
    kind = generator.random()
    if kind < 0.65:
        return float(generator.normal(0, 12))
    return float(generator.uniform(-60, 60) if kind < 0.85 else generator.uniform(-180, 180))


def finish(
    image: np.ndarray,
    matrix: np.ndarray,
    points: np.ndarray,
    visible: np.ndarray,
    generator: Generator,
    flip: bool,
    size: tuple[int, int],
    background: np.ndarray | None,
    sketch: bool = False,
) -> View:
    """Cut the view that a homography [3, 3] describes out of an image; recolour, cover, flip."""
    pixels = cv2.warpPerspective(image, matrix, size[::-1], flags=cv2.INTER_LINEAR)
    if background is not None:
        inside = cv2.warpPerspective(np.ones(image.shape[:2], np.uint8), matrix, size[::-1])
        pixels = np.where(inside[..., None] > 0, pixels, background)
    places = project(points, matrix)
    places[np.isnan(points).any(axis=1)] = np.nan  # OpenCV makes it 0
    return show(pixels, places, visible, generator, flip, size, sketch)


def project(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """[K, 2] through a homography [3, 3]."""
    moved: np.ndarray = cv2.perspectiveTransform(points[None].astype(np.float64), matrix)[0]
    return moved


def show(
    pixels: np.ndarray,
    places: np.ndarray,
    visible: np.ndarray,
    generator: Generator,
    flip: bool,
    size: tuple[int, int],
    sketch: bool = False,
    grid: np.ndarray | None = None,
) -> View:
    """Recolour a view with keypoints at places [K, 2] of its pixels; flip it. A keypoint off the
    view is not visible.

    sketch: a device is to do that, and before it, where there is a grid, to take the view out of
        the pixels (`sketches.py`).
    """
    light = Light.draw(generator)
    if flip:
        places = np.array([size[1] - 1, 0]) - places * np.array([1, -1])
    extent = np.array(size[::-1])
    visible = visible & (places >= 0).all(axis=1) & (places <= extent - 1).all(axis=1)
    points = (places / extent).astype(np.float32)
    if sketch:
        return Sketch(pixels, points, visible, grid, light, flip)
    pixels = light.shine(pixels, generator)
    return View(np.ascontiguousarray(pixels[:, ::-1] if flip else pixels), points, visible)


def pick(backgrounds: Sequence[Path], generator: Generator, size: tuple[int, int]) -> np.ndarray:
    """A photograph as a background [height, width, 3]."""
    path = backgrounds[int(generator.integers(len(backgrounds)))]
    return cv2.resize(photograph(path), size[::-1])
