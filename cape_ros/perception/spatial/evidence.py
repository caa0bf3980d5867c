"""What the keypoints of an object say about its pose: how well poses fit, and the best near one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cape_ros.perception.spatial import rigid
from cape_ros.perception.spatial.lifting import LiftedKeypoints
from cape_ros.perception.spatial.shape import Shape

OUTLIER = 16.3  # squared Mahalanobis distance that one correct keypoint in a thousand exceeds
PASSES = 6
CONVERGED = 1e-2  # of a standard deviation
NEAREST = 1e-3  # [m] before the camera


@dataclass(frozen=True, eq=False)
class Evidence:
    """Keypoints with a known place on the object, as seen by a camera.

    shape: [N, 3] in the object's frame. targets: [N, 3] in the camera's; without depth (x / z,
    y / z, 1) of the ray. measured: [N] bool, with depth. whitening: [N, 3, 3]: from an error of the
    target to one with a variance of 1; the third row is zero without depth. keypoints: [N], which
    of the seen ones they are.
    """

    shape: np.ndarray
    targets: np.ndarray
    measured: np.ndarray
    whitening: np.ndarray
    keypoints: np.ndarray

    @classmethod
    def of(cls, shape: Shape, seen: LiftedKeypoints, pairs: np.ndarray) -> Evidence:
        """pairs: [N, 2] indices of the shape's and of the seen keypoint."""
        of_shape, of_seen = pairs.T
        measured = seen.measured[of_seen]
        distance = np.nanmedian(seen.points[:, 2]) if measured.any() else np.inf
        targets = np.column_stack((seen.rays[of_seen], np.ones(len(of_seen))))
        targets[measured] = seen.points[of_seen][measured]
        spread = np.zeros((len(of_seen), 3, 3))
        spread[:, :2, :2] = seen.ray_covariances[of_seen]
        spread[measured] = seen.covariances[of_seen][measured]
        own = shape.variances[of_shape] / np.where(measured, 1.0, distance**2)
        spread += own[:, None, None] * np.eye(3)
        spread[~measured, 2, 2] = 1.0
        whitening = np.linalg.inv(np.linalg.cholesky(spread))
        whitening[~measured, 2] = 0.0
        return cls(shape.points[of_shape], targets, measured, whitening, of_seen)

    def part(self, chosen: np.ndarray) -> Evidence:
        """chosen: [N] bool."""
        every = self.shape, self.targets, self.measured, self.whitening, self.keypoints
        return Evidence(*(each[chosen] for each in every))

    def errors(self, rotations: np.ndarray, translations: np.ndarray) -> np.ndarray:
        """[C, N]: squared Mahalanobis distances for poses [C, 3, 3] and [C, 3]."""
        points = self.shape @ rotations.transpose(0, 2, 1) + translations[:, None]
        ahead = np.maximum(points[..., 2:], NEAREST)
        points = np.where(self.measured[:, None], points, points / ahead)
        away = self.whitening @ (points - self.targets)[..., None]
        errors: np.ndarray = (away[..., 0] ** 2).sum(axis=-1)
        return errors

    def costs(self, rotations: np.ndarray, translations: np.ndarray) -> np.ndarray:
        """[C]: of poses; a wrong keypoint costs as much however wrong it is."""
        costs: np.ndarray = np.minimum(self.errors(rotations, translations), OUTLIER).sum(axis=1)
        return costs + np.where(translations[:, 2] > NEAREST, 0.0, np.inf)

    def refine(self, rotation: np.ndarray, translation: np.ndarray) -> rigid.Pose:
        """The best pose near a given one by Gauss-Newton; wrong keypoints lose their weight.

        Its covariance is infinite where the keypoints do not determine the pose.
        """
        covariance = np.full((6, 6), np.inf)
        for _ in range(PASSES):
            rows, away = self._linear(rotation, translation)
            weights = 1 / (1 + (away**2).sum(axis=1) / OUTLIER) ** 2
            weighted = (rows * weights[:, None, None]).reshape(-1, 6).T
            normal = weighted @ rows.reshape(-1, 6)
            try:
                covariance = np.linalg.inv(normal)
            except np.linalg.LinAlgError:
                return rigid.Pose(rotation, translation, np.full((6, 6), np.inf))
            change = -covariance @ (weighted @ away.reshape(-1))
            rotation = rigid.rotation_of(change[3:]) @ rotation
            translation = translation + change[:3]
            if change @ normal @ change < CONVERGED**2:
                break
        return rigid.Pose(rotation, translation, covariance)

    def _linear(
        self, rotation: np.ndarray, translation: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """[N, 3, 6] how whitened errors change with the pose, and [N, 3] these errors."""
        arms = self.shape @ rotation.T
        points, change = arms + translation, rigid.jacobian(arms)
        depth = np.where(self.measured, 1.0, np.maximum(points[:, 2], NEAREST))[:, None]
        points /= depth
        along = np.where(self.measured[:, None], 0.0, points)
        change -= along[:, :, None] * change[:, 2:]
        change /= depth[:, :, None]
        away = self.whitening @ (points - self.targets)[..., None]
        return self.whitening @ change, away[..., 0]
