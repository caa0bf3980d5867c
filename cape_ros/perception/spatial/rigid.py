"""Poses in space: rotations, and their covariance."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True, eq=False)
class Pose:
    """Where a frame lies in its parent: p_parent = rotation @ p + translation.

    rotation: [3, 3]. translation: [3] metres. covariance: [6, 6] of x, y, z, then of a rotation
    about the parent's axes at the frame's origin, as geometry_msgs/PoseWithCovariance has it.
    """

    rotation: np.ndarray
    translation: np.ndarray
    covariance: np.ndarray

    @property
    def quaternion(self) -> np.ndarray:
        """[4] x, y, z, w with w not negative."""
        return quaternion(self.rotation)

    def apply(self, points: np.ndarray) -> np.ndarray:
        """Points [K, 3] of the frame in its parent."""
        moved: np.ndarray = points @ self.rotation.T + self.translation
        return moved

    def covariances(self, points: np.ndarray) -> np.ndarray:
        """[K, 3, 3]: of points [K, 3] of the frame, in its parent."""
        change = jacobian(points @ self.rotation.T)
        spread: np.ndarray = change @ self.covariance @ change.transpose(0, 2, 1)
        return spread

    @property
    def inverse(self) -> Pose:
        """Where the parent lies in this frame."""
        back = self.rotation.T
        change = np.kron(np.eye(2), -back)
        change[:3, 3:] = -back @ skew(self.translation)
        return Pose(back, -back @ self.translation, change @ self.covariance @ change.T)

    def seen_from(self, parent: Pose) -> Pose:
        """This pose, given in `parent`, in the parent of that one; both are independent."""
        turned = np.kron(np.eye(2), parent.rotation)
        arm = np.eye(6)
        arm[:3, 3:] = -skew(parent.rotation @ self.translation)
        covariance = turned @ self.covariance @ turned.T + arm @ parent.covariance @ arm.T
        translation = parent.rotation @ self.translation + parent.translation
        return Pose(parent.rotation @ self.rotation, translation, covariance)


def skew(vectors: np.ndarray) -> np.ndarray:
    """[..., 3, 3]: the matrices of the cross product with vectors [..., 3]."""
    made = np.zeros((*vectors.shape, 3))
    x, y, z = vectors[..., 0], vectors[..., 1], vectors[..., 2]
    made[..., 0, 1], made[..., 0, 2], made[..., 1, 2] = -z, y, -x
    made[..., 1, 0], made[..., 2, 0], made[..., 2, 1] = z, -y, x
    return made


def cross(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """[..., 3]: the cross product, without the cost that NumPy's has for a few vectors."""
    made: np.ndarray = (skew(first) @ second[..., None])[..., 0]
    return made


def jacobian(arms: np.ndarray) -> np.ndarray:
    """[K, 3, 6]: how points move with a pose. arms: [K, 3] from its origin, in the parent."""
    change = np.zeros((len(arms), 3, 6))
    change[:, :, :3] = np.eye(3)
    change[:, :, 3:] = -skew(arms)
    return change


def rotation_of(vector: np.ndarray) -> np.ndarray:
    """[3, 3] from a rotation vector [3]."""
    return np.asarray(cv2.Rodrigues(np.asarray(vector, np.float64))[0])


def vector_of(rotation: np.ndarray) -> np.ndarray:
    """[3] the rotation vector of a rotation [3, 3]."""
    return np.asarray(cv2.Rodrigues(rotation)[0][:, 0])


def angle_between(first: np.ndarray, second: np.ndarray) -> float:
    """Radians, 0 to pi, from one rotation [3, 3] to the other."""
    return float(np.arccos(np.clip((np.sum(first * second) - 1) / 2, -1, 1)))


def quaternion(rotation: np.ndarray) -> np.ndarray:
    """[4] x, y, z, w of a rotation [3, 3]; w is not negative."""
    vector = vector_of(rotation)
    angle = float(np.linalg.norm(vector))
    share = np.sin(angle / 2) / angle if angle > 1e-12 else 0.5
    return np.append(vector * share, np.cos(angle / 2))


def rotation_from(quaternion: np.ndarray) -> np.ndarray:
    """[3, 3] from a unit quaternion [4] x, y, z, w."""
    across = skew(quaternion[:3])
    turn: np.ndarray = np.eye(3) + 2 * quaternion[3] * across + 2 * across @ across
    return turn


def thickness(points: np.ndarray) -> np.ndarray:
    """[3] descending: standard deviations of points [K, 3] along their principal axes [m]."""
    values = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    padded = np.zeros(3)
    padded[: len(values)] = values / np.sqrt(len(points))
    return padded
