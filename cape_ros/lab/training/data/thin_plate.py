"""Thin plate splines: the smoothest bending of a plane that moves some places as given.

Bookstein, "Principal Warps", 1989.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.random import Generator
from scipy.interpolate import RBFInterpolator

from cape_ros.lab.training.data.grids import STEP, nodes, through

CONTROLS = 4  # the places that are moved form a grid of so many by so many
LEAST_AREA = 0.25  # a bending never shrinks a piece of the view to less than this part of its area
NEWTON_STEPS = 6
DELTA = 0.01  # pixels, over which a slope is measured
AROUND = DELTA * np.array([[0, 0], [1, 0], [0, 1]])


Bending = Callable[[np.ndarray], np.ndarray]
"""Places [M, 2] -> places [M, 2]."""


def thin_plate(controls: np.ndarray, targets: np.ndarray) -> Bending:
    """The spline that takes controls [N, 2] to targets [N, 2]; not all on one line."""
    spline: Bending = RBFInterpolator(controls, targets, kernel="thin_plate_spline")
    return spline


def invert(bending: Bending, results: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Places [M, 2] that go to results [M, 2], by Newton's method from [M, 2] near them.

    NaN where it does not get there.
    """
    places = start.copy()
    for _ in range(NEWTON_STEPS):
        here, right, below = np.split(bending(np.concatenate([places + d for d in AROUND])), 3)
        slope = np.stack((right - here, below - here), axis=-1) / DELTA
        places += np.linalg.solve(slope, (results - here)[..., None])[..., 0]
    arrived = np.abs(bending(places) - results).max(axis=1, initial=0) < 0.01
    return np.where(arrived[:, None], places, np.nan)


def bend(
    size: tuple[int, int], matrix: np.ndarray, points: np.ndarray, generator: Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A view of (height, width) that a homography [3, 3] would cut, bent by a thin plate.

    points: [K, 2] pixels of the image. Returns the view's grid (`grids.py`), and where the points
    go [K, 2], in pixels of the view; NaN for a point that is far outside. The bending never folds.
    """
    down, across = (np.linspace(0, side - 1, CONTROLS) for side in size)
    controls = np.stack(np.meshgrid(across, down), axis=-1).reshape(-1, 2)
    push = generator.normal(0, 0.05 * np.array(size[::-1]), controls.shape)
    view = nodes(size)
    for _ in range(8):
        plate = thin_plate(controls, controls + push)
        bent = plate(view.reshape(-1, 2)).reshape(view.shape)
        if _least_area(bent) > LEAST_AREA:
            break
        push *= 0.7
    places = cv2.perspectiveTransform(points[None], matrix)[0]  # in the view before the bending
    away = np.linalg.norm(places[:, None] - bent.reshape(-1, 2), axis=2)
    start = view.reshape(-1, 2)[away.argmin(axis=1)]
    return through(matrix, bent), invert(plate, places, start)


def _least_area(grid: np.ndarray) -> float:
    """The smallest cell of a grid [R, C, 2], as a part of STEP x STEP; below 0 where it folds."""
    across, down = np.diff(grid, axis=1)[:-1], np.diff(grid, axis=0)[:, :-1]
    area = across[..., 0] * down[..., 1] - across[..., 1] * down[..., 0]
    return float(area.min()) / STEP**2
