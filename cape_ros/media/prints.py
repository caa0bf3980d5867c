"""Several prints of one photograph that move over a table and cross each other."""

from __future__ import annotations

import math

import cv2
import numpy as np

from cape_ros.media.motion import SIZE, project
from cape_ros.media.sources import RATE, SourceFrame
from cape_ros.media.truth import Truth
from cape_ros.perception.category import Category

WIDTH = 0.3  # of a print, as a part of the image's width
MARGIN = 0.08  # of the object's box that a print shows around it
EDGE = 0.02  # white edge of a print, of its width
CLOTH = (74, 84, 96)
# For each print: the middle of its path and how far it swings from there, as parts of the image,
# swings in a scene, and at which part of a swing it begins, across and down; degrees of rotation.
PATHS = (
    ((0.50, 0.36), (0.32, 0.04), (1.0, 2.0), (0.25, 0.0), 8),
    ((0.50, 0.46), (0.32, 0.05), (1.0, 2.0), (0.75, 0.5), -14),
    ((0.52, 0.60), (0.12, 0.20), (1.0, 1.0), (0.0, 0.75), 20),
)


class CrossingPrints:
    """Three prints of the object in a category's first shot; a later one covers the earlier ones.

    The truth is known: its order is that of the prints, and covered points are not visible.
    """

    rate = RATE

    def __init__(self, category: Category, frames: int) -> None:
        (shot,) = category.shots[:1]
        self.expected = frames
        self._next = 0
        x, y, w, h = shot.box
        left, top = max(0, round(x - MARGIN * w)), max(0, round(y - MARGIN * h))
        right, bottom = round(x + (1 + MARGIN) * w), round(y + (1 + MARGIN) * h)
        part = shot.image[top:bottom, left:right]
        edge = round(EDGE * part.shape[1])
        white = (238, 236, 230)
        self._print = cv2.copyMakeBorder(
            part, edge, edge, edge, edge, cv2.BORDER_CONSTANT, value=white
        )
        self._keypoints = shot.keypoints.astype(np.float64) - (left - edge, top - edge)
        grain = np.random.default_rng(0).normal(0, 6, (*SIZE[::-1], 1))
        cloth = np.add(CLOTH, cv2.GaussianBlur(grain, (0, 0), 0.8)[..., None])
        self._table = cloth.clip(0, 255).astype(np.uint8)

    def waiting(self) -> SourceFrame:
        return SourceFrame(self._frame(0)[0], None)

    def next(self) -> SourceFrame | None:
        if self._next >= self.expected:
            return None
        index, self._next = self._next, self._next + 1
        image, truths = self._frame(index)
        return SourceFrame(image, index, truths)

    def rewind(self) -> None:
        self._next = 0

    def close(self) -> None:
        pass

    def _frame(self, index: int) -> tuple[np.ndarray, tuple[Truth, ...]]:
        image = self._table.copy()
        owner = np.full(image.shape[:2], -1, np.int8)  # the uppermost print at each pixel
        places = []
        whole = np.full(self._print.shape[:2], 255, np.uint8)
        for number in range(len(PATHS)):
            matrix = self._placement(number, index)
            seen = cv2.warpAffine(self._print, matrix[:2], SIZE, flags=cv2.INTER_AREA)
            cover = cv2.warpAffine(whole, matrix[:2], SIZE, flags=cv2.INTER_LINEAR)
            share = cover[..., None] / 255
            image = (image * (1 - share) + seen * share).astype(np.uint8)
            owner[cover > 127] = number
            places.append(project(matrix, self._keypoints))
        truths = []
        for number, points in enumerate(places):
            truth = Truth.inside(points, *SIZE)
            cells = points.round().astype(int).clip(0, np.subtract(SIZE, 1))
            uncovered = owner[cells[:, 1], cells[:, 0]] == number
            truths.append(Truth(points, truth.visible & uncovered))
        return image, tuple(truths)

    def _placement(self, number: int, index: int) -> np.ndarray:
        """[3, 3]: pixels of the print to pixels of the frame."""
        middle, reach, swings, begins, degrees = PATHS[number]
        time = index / self.expected
        center = [
            (at + far * math.sin(math.tau * (count * time + begin))) * side
            for at, far, count, begin, side in zip(middle, reach, swings, begins, SIZE, strict=True)
        ]
        height, width = self._print.shape[:2]
        scale = WIDTH * SIZE[0] / width * (1 + 0.1 * math.sin(math.tau * (time + number / 3)))
        angle = degrees * math.sin(math.tau * (time + number / 5))
        matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, scale)
        matrix[:, 2] += np.subtract(center, ((width - 1) / 2, (height - 1) / 2))
        return np.vstack([matrix, (0, 0, 1)])
