"""Bodies that stand on a table, and a camera that looks at them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from cape_ros.lab.datasets.rendered.cameras import Camera, Pose
from cape_ros.lab.datasets.rendered.materials import board
from cape_ros.lab.datasets.rendered.shading import window_of
from cape_ros.lab.datasets.rendered.tracing import Body, Placed


@dataclass(frozen=True, eq=False)
class Standing:
    """A body on the table's plane z = 0.

    yaw: degrees, counter-clockwise from above. ground: (x, y) metres of its middle.
    """

    body: Body
    yaw: float
    ground: tuple[float, float]
    scale: float = 1.0

    def seen_by(self, table: Pose) -> Placed:
        """table: camera_from_table."""
        middle = (*self.ground, self.scale * float(self.body.mesh.extent[2]) / 2)
        rotation = table.rotation @ about_vertical(self.yaw)
        return Placed(self.body, Pose(rotation, table.apply(np.array(middle)), self.scale))

    @property
    def radius(self) -> float:
        """Metres around its middle that it needs on the table."""
        return self.scale * float(np.linalg.norm(self.body.mesh.extent[:2])) / 2


def about_vertical(angle: float) -> np.ndarray:
    c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])


def table_top(size: float, generator: Generator, photographs: Sequence[np.ndarray]) -> Body:
    """A board of so many metres, with the pattern of a photograph if there is one."""
    photograph = photographs[int(generator.integers(len(photographs)))] if photographs else None
    return Body(board(size, generator, photograph))


def apart(camera: Camera, one: Placed, others: Sequence[Placed], most: float) -> bool:
    """Whether a body is in the image as a whole, and overlaps no other's window by more than this
    part of the smaller one."""
    height, width = camera.size
    window = window_of(camera, one)
    if window is None or window[0] <= 1 or window[1] <= 1:
        return False
    if window[2] >= width - 1 or window[3] >= height - 1:
        return False
    for other in others:
        known = window_of(camera, other)
        if known is not None and _overlap(window, known) > most:
            return False
    return True


def _overlap(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    least = min((w[2] - w[0]) * (w[3] - w[1]) for w in (one, other))
    return max(width, 0) * max(height, 0) / max(least, 1)
