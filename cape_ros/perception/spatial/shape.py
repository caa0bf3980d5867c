"""The shape of a category: its keypoints in a frame of the object."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from cape_ros.core.errors import Fault, InvalidInput
from cape_ros.perception.spatial.lifting import LiftedKeypoints

GIVEN = 0.001  # [m] standard deviation of keypoints that a person gave
LARGEST = 100.0  # [m] from the origin
FEWEST = 3  # keypoints that two measurements must share


@dataclass(frozen=True, eq=False)
class Shape:
    """K keypoints in the frame of an object.

    points: [K, 3] metres, NaN = not known. variances: [K] square metres, of each coordinate.
    metric: False if the shape comes from images alone; then its unit is not a metre.
    """

    points: np.ndarray
    variances: np.ndarray
    metric: bool = True

    @property
    def known(self) -> np.ndarray:
        """[K] bool."""
        known: np.ndarray = np.isfinite(self.points).all(axis=1)
        return known

    @classmethod
    def given(cls, keypoints_3d: ArrayLike, count: int) -> Shape:
        """From K x 3 metres in any frame of the object, NaN = not known; it is kept as it is.

        count: K of the category. Raises `InvalidInput` that names every fault.
        """
        try:
            points = np.array(keypoints_3d, np.float64)
        except (TypeError, ValueError) as error:
            reason = "are not numbers; give K x 3 metres"
            raise InvalidInput.of("keypoints_3d", reason, "wrong_type") from error
        if points.shape != (count, 3):
            reason = f"shape {points.shape} is not {count} x 3"
            raise InvalidInput.of("keypoints_3d", reason, "wrong_type")
        faults = [
            Fault(f"keypoints_3d[{at}]", f"{row.tolist()} is not in metres", "out_of_range")
            for at, row in enumerate(points)
            if (np.abs(row) > LARGEST).any() or 0 < np.isnan(row).sum() < 3
        ]
        if faults:
            raise InvalidInput(faults)
        return cls(points, np.full(count, GIVEN**2))

    @classmethod
    def seen(cls, lifted: LiftedKeypoints) -> Shape | None:
        """From one shot with depth; None if no keypoint has depth.

        The frame lies in the middle of the keypoints, parallel to the camera's optical frame.
        """
        if not lifted.measured.any():
            return None
        middle = np.nanmean(lifted.points, axis=0)
        variances = np.trace(lifted.covariances, axis1=1, axis2=2) / 3
        return cls(lifted.points - middle, np.where(lifted.measured, variances, np.inf))

    def scaled_to(self, lifted: LiftedKeypoints) -> Shape | None:
        """A shape without scale in metres, by the distances of keypoints with depth; None if fewer
        than `FEWEST` of them are known. Its variances say how well the scale is known, too."""
        shared = self.known & lifted.measured
        count = int(shared.sum())
        if count < FEWEST:
            return None
        first, second = np.triu_indices(count, 1)
        ours, theirs = self.points[shared], lifted.points[shared]
        length = np.linalg.norm(ours[first] - ours[second], axis=1)
        distance = np.linalg.norm(theirs[first] - theirs[second], axis=1)
        long = length >= np.median(length)
        scale = float(np.median(distance[long] / np.maximum(length[long], 1e-9)))
        spread = np.trace(lifted.covariances[shared], axis1=1, axis2=2) / 3
        doubt = (spread[first] + spread[second])[long] / np.maximum(distance[long], 1e-9) ** 2
        of_scale = float(np.median(doubt)) / (count / 2) * (self.points**2).sum(axis=1)
        variances = np.where(self.known, self.variances + of_scale, np.inf)
        return Shape(self.points * scale, variances * scale**2)
