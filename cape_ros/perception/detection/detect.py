"""Finds every instance of categories in an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from cape_ros.core.errors import InvalidInput
from cape_ros.perception.category import Category
from cape_ros.perception.detection.suppression import is_duplicate
from cape_ros.perception.geometry import Box, box_faults, clip_box, hull_box
from cape_ros.perception.objects import ObjectKeypoints, ObjectRequest
from cape_ros.perception.trust import Trust

if TYPE_CHECKING:  # it detects by what is here
    from cape_ros.perception.estimator import Estimator

MARGIN = 0.25  # of the longer side of the hull, on every side
MIN_POINTS = 3  # trusted points that make a hull
SMALLEST = 3  # pixels on a side of an image
WINDOWS_PER_SIDE = (1, 2, 3, 5)


def detect(
    estimator: Estimator,
    image: np.ndarray,
    categories: Sequence[Category | str],
    most: int,
    trust: Trust,
    known: Sequence[ObjectKeypoints],
) -> list[list[ObjectKeypoints]]:
    """`Estimator.detect`."""
    check_size(image)
    return [_instances(estimator, image, category, most, trust, known) for category in categories]


def check_size(image: np.ndarray) -> None:
    """Raises `InvalidInput` for an image that is too small to search in."""
    height, width = image.shape[:2]
    if min(width, height) < SMALLEST:
        raise InvalidInput.of("image", f"{width} x {height} pixels are too few to search in")


def _instances(
    estimator: Estimator,
    image: np.ndarray,
    category: Category | str,
    most: int,
    trust: Trust,
    known: Sequence[ObjectKeypoints],
) -> list[ObjectKeypoints]:
    height, width = image.shape[:2]
    windows = [ObjectRequest(category, box) for box in _windows(width, height)]
    seen = estimator.estimate(image, windows)
    name = category if isinstance(category, str) else category.name
    tracked = [one for one in known if one.category == name]
    closer: list[ObjectRequest] = []
    hulls: list[ObjectKeypoints] = []
    for one in sorted(seen, key=lambda one: -one.score):
        box = object_box(one, (width, height), trust)
        if one.score < trust.tracking_threshold or box is None:
            continue
        if not is_duplicate(one, [*tracked, *hulls], trust.point_threshold):
            hulls.append(one)
            closer.append(ObjectRequest(category, box))
    refined = estimator.estimate(image, closer[: 2 * most])
    kept: list[ObjectKeypoints] = []
    for one in sorted(refined, key=lambda one: -one.score):
        present = one.score >= trust.presence_threshold and object_box(one, (width, height), trust)
        if present and not is_duplicate(one, [*tracked, *kept], trust.point_threshold):
            kept.append(one)
    return kept[:most]


def object_box(one: ObjectKeypoints, size: tuple[int, int], trust: Trust) -> Box | None:
    """The box around the trusted points, None if they are too few or off the image.

    size: (width, height) of the image.
    """
    trusted = one.keypoints[one.matches >= trust.point_threshold]
    if len(trusted) < min(MIN_POINTS, len(one.matches)):
        return None
    hull = clip_box(hull_box(trusted, MARGIN), *size)
    return None if box_faults(hull, *size) else hull


def _windows(width: int, height: int) -> list[Box]:
    windows: list[Box] = []
    for count in WINDOWS_PER_SIDE:
        w, h = width * 2 / (count + 1), height * 2 / (count + 1)
        for row in range(count):
            for column in range(count):
                x = (width - w) * column / max(1, count - 1)
                y = (height - h) * row / max(1, count - 1)
                windows.append((x, y, w, h))
    return windows
