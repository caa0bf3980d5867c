"""A simulated camera over a photograph on a table, with the homography of every frame.

Photograph and table are one plane, so one homography a frame takes every marked point to where it
is seen: the truth that results are compared with.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from cape_ros.perception.geometry import Box

SIZE = (640, 480)  # width and height of a frame
SMALLEST, LARGEST = 0.1, 1.0  # the object's box as a part of the image's area
ROTATION = math.radians(25)  # largest to either side
TILT = 0.12  # how much nearer one side of the object comes than the other, at most
REACH = 0.8  # of the room that the object leaves in the image, how much the camera wanders
TABLE_MARGIN = 1.5  # table around the photograph, in photographs
PAPER = 0.03  # white edge of the print, of its shorter side


@dataclass(frozen=True)
class CameraMotion:
    """Pan, zoom, rotation and a little perspective: smooth, the same for the same seed, and
    periodic, so it has a place for every frame from minus to plus infinity.

    box: what the camera shows, in pixels of the photograph. period: in frames; over one, the
    box fills everything from `SMALLEST` to `LARGEST` of the image's area.
    """

    box: Box
    period: int
    seed: int = 0

    def fill(self, index: int) -> float:
        """The area of the box in that frame, as a part of the image's area."""
        swing = (1 + math.sin(math.tau * index / self.period)) / 2
        return SMALLEST * math.pow(LARGEST / SMALLEST, swing)

    def homography(self, index: int) -> np.ndarray:
        """[3, 3] float64: pixels of the photograph to pixels of frame `index`."""
        x, y, w, h = self.box
        to_origin = _shift(-(x + (w - 1) / 2), -(y + (h - 1) / 2))
        tilt = np.eye(3)
        tilt[2, 0] = TILT * self._wave(0, index) / w
        tilt[2, 1] = TILT * self._wave(1, index) / h
        seen = project(tilt @ to_origin, _corners(self.box))
        scale = math.sqrt(self.fill(index) * SIZE[0] * SIZE[1] / _area(seen))
        angle = ROTATION * self._wave(2, index)
        c, s = scale * math.cos(angle), scale * math.sin(angle)
        rotated = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]) @ tilt @ to_origin
        # Seen from its middle the object may wander as far as the image has room beside it.
        low, high = (f(project(rotated, _corners(self.box)), axis=0) for f in (np.min, np.max))
        room = np.maximum(0, np.subtract(SIZE, high - low) / 2)
        wander = REACH * room * (self._wave(3, index), self._wave(4, index))
        middle = np.subtract(SIZE, 1) / 2 - (low + high) / 2 + wander
        moved: np.ndarray = _shift(*middle) @ rotated
        return moved

    @cached_property
    def _phases(self) -> np.ndarray:
        return np.random.default_rng(self.seed).uniform(0, math.tau, (5, 2))

    def _wave(self, kind: int, index: int) -> float:
        """Between -1 and 1: one swing a period and half as much of two."""
        first, second = self._phases[kind]
        angle = math.tau * index / self.period
        return (math.sin(angle + first) + 0.5 * math.sin(2 * angle + second)) / 1.5


class Table:
    """A photograph, [H, W, 3] uint8 RGB, printed and laid on a table."""

    def __init__(self, photograph: np.ndarray, seed: int = 0) -> None:
        height, width = photograph.shape[:2]
        self._left, self._top = round(TABLE_MARGIN * width), round(TABLE_MARGIN * height)
        table = _linen(width + 2 * self._left, height + 2 * self._top, seed)
        edge = round(PAPER * min(height, width))
        _drop_shadow(
            table, self._left - edge, self._top - edge, width + 2 * edge, height + 2 * edge
        )
        print_ = cv2.copyMakeBorder(
            photograph, edge, edge, edge, edge, cv2.BORDER_CONSTANT, value=(238, 236, 230)
        )
        rows = slice(self._top - edge, self._top + height + edge)
        table[rows, self._left - edge : self._left + width + edge] = print_
        # Halved versions, so that a small photograph is not a sparse sample of its pixels.
        self._levels = [table]
        for _ in range(2):
            h, w = (side // 2 for side in self._levels[-1].shape[:2])
            even = self._levels[-1][: 2 * h, : 2 * w]
            self._levels.append(cv2.resize(even, (w, h), interpolation=cv2.INTER_AREA))

    def seen(self, homography: np.ndarray) -> np.ndarray:
        """The frame [480, 640, 3] in which the photograph's pixels lie where `homography` says."""
        zoom = math.sqrt(abs(np.linalg.det(homography[:2, :2])))
        level = int(np.clip(math.floor(-math.log2(zoom) + 0.5), 0, len(self._levels) - 1))
        to_table = _shift(-self._left, -self._top)
        # Pixel 0 of a halved image covers pixels 0 and 1, so its centre lies at 0.5.
        half = (2**level - 1) / 2
        from_level = np.array([[2**level, 0, half], [0, 2**level, half], [0, 0, 1.0]])
        return cv2.warpPerspective(
            self._levels[level],
            homography @ to_table @ from_level,
            SIZE,
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT_101,
        )


def project(homography: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points [N, 2] through a homography: [N, 2] float64."""
    homogeneous = np.column_stack([points, np.ones(len(points))]) @ homography.T
    flat: np.ndarray = homogeneous[:, :2] / homogeneous[:, 2:]
    return flat


def _shift(x: float, y: float) -> np.ndarray:
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], np.float64)


def _corners(box: Box) -> np.ndarray:
    """The corners [4, 2] of a box at its pixels' outer edges, in order around it."""
    x, y, w, h = box
    low, high = (x - 0.5, y - 0.5), (x + w - 0.5, y + h - 0.5)
    return np.array([low, (high[0], low[1]), high, (low[0], high[1])])


def _area(corners: np.ndarray) -> float:
    x, y = corners.T
    return abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))) / 2


def _linen(width: int, height: int, seed: int) -> np.ndarray:
    """A calm cloth: threads both ways, uneven light, a colour of the seed's choice."""
    chance = np.random.default_rng(seed)
    hue = np.array([[[chance.integers(0, 180), 45, 120]]], np.uint8)
    colour = cv2.cvtColor(hue, cv2.COLOR_HSV2RGB)[0, 0].astype(np.float32)
    shade = np.ones((height, width), np.float32)
    for across, down in ((6, 1), (1, 6)):
        threads = chance.standard_normal((height, width), np.float32)
        shade += 0.35 * cv2.GaussianBlur(threads, (0, 0), sigmaX=across, sigmaY=down)
    light = chance.standard_normal((5, 6), np.float32)
    shade += 0.06 * cv2.resize(light, (width, height), interpolation=cv2.INTER_CUBIC)
    lit: np.ndarray = np.clip(colour * shade[..., None], 0, 255)
    return lit.astype(np.uint8)


def _drop_shadow(table: np.ndarray, x: int, y: int, width: int, height: int) -> None:
    """Darken the table below a print that lies there."""
    blur = max(3, min(width, height) // 40)
    dark = np.zeros(table.shape[:2], np.float32)
    dark[y + blur : y + height + blur, x + blur : x + width + blur] = 0.5
    light = 1 - cv2.GaussianBlur(dark, (0, 0), blur)
    table[:] = (table * light[..., None]).astype(np.uint8)
