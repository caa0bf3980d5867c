"""The shape of a category from several measurements: the mean of them, laid onto one another."""

from __future__ import annotations

import numpy as np

from cape_ros.perception.spatial.lifting import LiftedKeypoints
from cape_ros.perception.spatial.pose import estimate_pose
from cape_ros.perception.spatial.shape import Shape

MOST_WEIGHT = 50.0  # measurements of one keypoint: errors of one camera are alike


class ShapeBuilder:
    """Takes in an object's keypoints shot by shot; its frame is that of the first one.

    A measurement that contradicts a known point takes from it as much information as an agreeing
    one adds, and replaces it where none is left.

    shape: so far; None before the first measurement. A shape that is given keeps its frame, and is
    completed.
    """

    def __init__(self, orders: np.ndarray | None = None, shape: Shape | None = None) -> None:
        """orders: [P, K] of `symmetries.orders`; None = no symmetry."""
        self.shape = shape
        self._orders = orders
        if shape is not None:
            self._begin(shape)

    def _begin(self, shape: Shape) -> None:
        self._least = shape.variances / MOST_WEIGHT

    def add(self, seen: LiftedKeypoints) -> bool:
        """False if the measurement does not fit what is known, and was left out."""
        if self.shape is None:
            self.shape = Shape.seen(seen)
            if self.shape is not None:
                self._begin(self.shape)
            return self.shape is not None
        if not self.shape.metric:
            self.shape = self.shape.scaled_to(seen) or self.shape
            self._begin(self.shape)
        estimate = estimate_pose(self.shape, seen, self._orders)
        pose, order = estimate.pose, estimate.order
        if pose is None or estimate.ambiguous:
            return False
        measured, inliers = seen.measured[order], estimate.inliers[order]
        points = (seen.points[order] - pose.translation) @ pose.rotation
        own = np.where((self.shape.known & inliers)[:, None], self.shape.points, points)
        spread = seen.covariances[order] + pose.covariances(np.nan_to_num(own))
        variances = np.trace(spread, axis1=1, axis2=2) / 3
        against = measured & self.shape.known & ~inliers
        left = np.zeros(len(own))  # of the information about a point that this one contradicts
        left[against] = 1 / self.shape.variances[against] - 1 / variances[against]
        doubted = against & (left > 0)
        anew = measured & ~doubted & ~(inliers & self.shape.known)
        self.shape = self._mean(self.shape, anew, measured & ~anew & ~doubted, points, variances)
        self.shape.variances[doubted] = 1 / left[doubted]
        return True

    def _mean(
        self,
        shape: Shape,
        anew: np.ndarray,
        again: np.ndarray,
        points: np.ndarray,
        variances: np.ndarray,
    ) -> Shape:
        mean, spread = shape.points.copy(), shape.variances.copy()
        mean[anew], spread[anew] = points[anew], variances[anew]
        self._least[anew] = variances[anew] / MOST_WEIGHT
        gain = spread[again] / (spread[again] + variances[again])
        mean[again] += gain[:, None] * (points[again] - mean[again])
        spread[again] = np.maximum(spread[again] * (1 - gain), self._least[again])
        return Shape(mean, spread, shape.metric)
