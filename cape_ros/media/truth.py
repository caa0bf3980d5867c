"""Ground-truth keypoints of a frame, and the error of a prediction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cape_ros.perception.tracking.association import assign

PCK_AT = 0.1  # of the longer side of the object's true box: a nearer point counts as right


@dataclass(frozen=True, eq=False)
class Truth:
    """One object in one frame. keypoints: [K, 2] float64 pixels, NaN where unknown.
    visible: [K] bool."""

    keypoints: np.ndarray
    visible: np.ndarray

    @classmethod
    def inside(cls, keypoints: np.ndarray, width: int, height: int) -> Truth:
        """Visible are the keypoints that lie on the image."""
        inside = (keypoints >= -0.5) & (keypoints <= (width - 0.5, height - 0.5))
        return cls(keypoints, np.logical_and(inside[:, 0], inside[:, 1]))

    @property
    def size(self) -> float:
        """The longer side of the hull of all keypoints, those out of view too, in pixels."""
        extent = np.nanmax(self.keypoints, axis=0) - np.nanmin(self.keypoints, axis=0)
        return max(1.0, float(extent.max()))

    def errors(self, keypoints: np.ndarray) -> np.ndarray:
        """Errors [K] in pixels of points [K, 2]; NaN where the truth is not visible."""
        return np.where(self.visible, np.linalg.norm(keypoints - self.keypoints, axis=1), np.nan)


def pairs(truths: Mapping[int, Truth], answers: Sequence[np.ndarray]) -> dict[int, int]:
    """Which of the answers [K, 2] belongs to each true object: the pairs with the least median
    errors. An answer that is further off than the object is large belongs to none."""
    seen = [which for which, truth in truths.items() if truth.visible.any()]
    costs = np.full((len(seen), len(answers)), np.inf)
    for row, which in enumerate(seen):
        for column, answer in enumerate(answers):
            away = float(np.nanmedian(truths[which].errors(answer))) / truths[which].size
            costs[row, column] = away if away <= 1 else np.inf
    return {seen[row]: column for row, column in assign(costs)}
