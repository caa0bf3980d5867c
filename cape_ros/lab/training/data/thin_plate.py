"""Thin plate splines: the smoothest bending of a plane that moves some places as given.

Bookstein, "Principal Warps", 1989. OpenCV has one, but not in every build.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator

from cape_ros.lab.training.data.grids import STEP, nodes, through

CONTROLS = 4  # the places that are moved form a grid of so many by so many
LEAST_AREA = 0.25  # a bending never shrinks a piece of the view to less than this part of its area
NEWTON_STEPS = 6


@dataclass(frozen=True, eq=False)
class ThinPlate:
    """x -> x @ linear + shift + sum_i U(|x - controls_i|) weights_i, with U(r) = r^2 log r^2.

    controls: [N, 2]. weights: [N, 2]. affine: [3, 2], the rows of x, y and 1.
    """

    controls: np.ndarray
    weights: np.ndarray
    affine: np.ndarray

    @classmethod
    def through(cls, controls: np.ndarray, targets: np.ndarray) -> ThinPlate:
        """The spline that takes controls [N, 2] to targets [N, 2]; not all on one line."""
        count = len(controls)
        ones = np.concatenate((controls, np.ones((count, 1))), axis=1)
        system = np.zeros((count + 3, count + 3))
        system[:count, :count] = _radial(_squared(controls, controls))
        system[:count, count:], system[count:, :count] = ones, ones.T
        solved = np.linalg.solve(system, np.concatenate((targets, np.zeros((3, 2)))))
        return cls(controls, solved[:count], solved[count:])

    def __call__(self, places: np.ndarray) -> np.ndarray:
        """[M, 2] -> [M, 2]."""
        bent = _radial(_squared(places, self.controls)) @ self.weights
        return bent + places @ self.affine[:2] + self.affine[2]

    def slope(self, places: np.ndarray) -> np.ndarray:
        """[M, 2] -> [M, 2, 2]: how the result's coordinate (last) moves with the place's."""
        away = places[:, None] - self.controls
        squared = (away**2).sum(axis=2, keepdims=True)
        gradient = 2 * away * (np.log(np.maximum(squared, 1e-12)) + 1)
        return np.einsum("mnd,nk->mdk", gradient, self.weights) + self.affine[:2]

    def inverse(self, results: np.ndarray, start: np.ndarray) -> np.ndarray:
        """Places [M, 2] that go to results [M, 2], by Newton's method from [M, 2] near them.

        NaN where it does not get there.
        """
        places = start.copy()
        for _ in range(NEWTON_STEPS):
            slope = self.slope(places)
            ahead = results - self(places)
            places += np.linalg.solve(slope.transpose(0, 2, 1), ahead[..., None])[..., 0]
        arrived = np.abs(self(places) - results).max(axis=1, initial=0) < 0.01
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
        plate = ThinPlate.through(controls, controls + push)
        bent = plate(view.reshape(-1, 2)).reshape(view.shape)
        if _least_area(bent) > LEAST_AREA:
            break
        push *= 0.7
    places = cv2.perspectiveTransform(points[None], matrix)[0]  # in the view before the bending
    nearest = _squared(places, bent.reshape(-1, 2)).argmin(axis=1)
    return through(matrix, bent), plate.inverse(places, view.reshape(-1, 2)[nearest])


def _squared(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """[N, 2] and [M, 2] -> [N, M]: squared distances."""
    across, down = (one[:, None, axis] - other[None, :, axis] for axis in (0, 1))
    return across**2 + down**2


def _radial(squared: np.ndarray) -> np.ndarray:
    return squared * np.log(np.maximum(squared, 1e-12))


def _least_area(grid: np.ndarray) -> float:
    """The smallest cell of a grid [R, C, 2], as a part of STEP x STEP; below 0 where it folds."""
    across, down = np.diff(grid, axis=1)[:-1], np.diff(grid, axis=0)[:, :-1]
    area = across[..., 0] * down[..., 1] - across[..., 1] * down[..., 0]
    return float(area.min()) / STEP**2
