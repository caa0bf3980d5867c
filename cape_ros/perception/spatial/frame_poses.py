"""Where the named frames of an object lie, from its keypoints in space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cape_ros.perception.spatial import rigid
from cape_ros.perception.spatial.frames import AXES, Axis, FrameDefinition
from cape_ros.perception.spatial.lifting import LiftedKeypoints
from cape_ros.perception.spatial.pose import PoseEstimate
from cape_ros.perception.spatial.shape import Shape

SHORTEST = 0.001  # [m] between the keypoints of an axis
PARALLEL = 0.05  # sine of the least angle between the two axes of a definition
STEP = 1e-6  # [m] of numeric derivatives


@dataclass(frozen=True, eq=False)
class NamedFrame:
    """A frame in the camera's optical frame, or the reason why there is none."""

    name: str
    pose: rigid.Pose | None
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Places:
    """Where the keypoints of an object are, in the camera's optical frame.

    points: [K, 3] metres, NaN = not known. covariances: [K, 3, 3] square metres. shared: [K, 3, 6]
    metres, 0 of measured ones: two keypoints that one pose places have the covariance
    shared[i] @ shared[j].T with each other.
    """

    points: np.ndarray
    covariances: np.ndarray
    shared: np.ndarray

    @classmethod
    def of(
        cls,
        seen: LiftedKeypoints,
        estimate: PoseEstimate | None = None,
        shape: Shape | None = None,
    ) -> Places:
        """As measured; where a keypoint has no depth or contradicts the object's pose, by that.

        In the order of the shape's keypoints.
        """
        if estimate is None or estimate.pose is None or shape is None:
            return cls.independent(seen.points, seen.covariances)
        good = (seen.measured & estimate.inliers)[estimate.order]
        points, covariances = seen.points[estimate.order], seen.covariances[estimate.order]
        local = np.where(shape.known[:, None], shape.points, 0.0)
        shared = rigid.jacobian(local @ estimate.pose.rotation.T) @ _root(estimate.pose.covariance)
        own = np.where(shape.known, shape.variances, 0.0)[:, None, None] * np.eye(3)
        by_pose = shared @ shared.transpose(0, 2, 1) + own
        by_shape = np.where(shape.known[:, None], estimate.pose.apply(local), np.nan)
        return cls(
            np.where(good[:, None], points, by_shape),
            np.where(good[:, None, None], covariances, by_pose),
            np.where(good[:, None, None], 0.0, shared),
        )

    @classmethod
    def independent(cls, points: np.ndarray, covariances: np.ndarray) -> Places:
        """Each measured by itself."""
        return cls(points, covariances, np.zeros((len(points), 3, 6)))

    def ordered(self, order: np.ndarray) -> Places:
        """The same in another order [K]."""
        return Places(self.points[order], self.covariances[order], self.shared[order])


def locate(
    frame: FrameDefinition,
    places: Places,
    keypoint_names: tuple[str, ...],
    down: np.ndarray | None = None,
) -> NamedFrame:
    """The pose of a frame in the camera's optical frame, with its covariance.

    down: [3] the direction of gravity in the camera's optical frame; None = not known.
    """
    needed = list(frame.keypoints)
    points = places.points[needed]
    lacking = np.flatnonzero(~np.isfinite(points).all(axis=1))
    if len(lacking):
        reason = f"keypoint {keypoint_names[needed[lacking[0]]]!r} has no depth"
        return NamedFrame(frame.name, None, reason)
    if down is None and any(axis.along == "down" for axis in frame.axes):
        return NamedFrame(frame.name, None, "the direction of gravity is not known")
    varied = np.tile(points, (3 * len(needed) + 1, 1, 1))
    varied.reshape(len(varied), -1)[1:] += STEP * np.eye(3 * len(needed))
    where = {index: at for at, index in enumerate(needed)}
    origins = varied[:, [where[index] for index in frame.origin]].mean(axis=1)
    exact, other = (_direction(axis, varied, where, origins, down) for axis in frame.axes)
    if reason := _fault(frame.axes, exact[0], other[0]):
        return NamedFrame(frame.name, None, reason)
    rotations = _rotations(frame.axes, exact, other)
    turned = (rotations[1:] - rotations[0]) @ rotations[0].T / STEP
    change = np.zeros((6, 3 * len(needed)))
    change[:3] = (origins[1:] - origins[0]).T / STEP
    change[3:] = (turned - turned.transpose(0, 2, 1))[:, (2, 0, 1), (1, 2, 0)].T / 2
    shared = places.shared[needed].reshape(3 * len(needed), 6)
    spread = shared @ shared.T
    for at, index in enumerate(needed):
        spread[3 * at : 3 * at + 3, 3 * at : 3 * at + 3] = places.covariances[index]
    return NamedFrame(frame.name, rigid.Pose(rotations[0], origins[0], change @ spread @ change.T))


def _root(covariance: np.ndarray) -> np.ndarray:
    """[6, 6] whose product with its transpose is a covariance [6, 6]."""
    variances, axes = np.linalg.eigh(covariance)
    root: np.ndarray = axes * np.sqrt(np.maximum(variances, 0.0))
    return root


def _direction(
    axis: Axis,
    points: np.ndarray,
    where: dict[int, int],
    origins: np.ndarray,
    down: np.ndarray | None,
) -> np.ndarray:
    """[B, 3] of points [B, M, 3]."""
    if not isinstance(axis.along, str):
        start, end = axis.along
        along: np.ndarray = points[:, where[end]] - points[:, where[start]]
        return along
    fixed = {"right": np.array((1.0, 0.0, 0.0)), "down": down}.get(axis.along)
    return origins if fixed is None else np.broadcast_to(fixed, origins.shape)


def _fault(axes: tuple[Axis, Axis], exact: np.ndarray, other: np.ndarray) -> str:
    for axis, along in zip(axes, (exact, other), strict=True):
        if not np.linalg.norm(along) > SHORTEST:
            return f"the keypoints of {AXES[axis.number]} are in one place"
    sine = np.linalg.norm(rigid.cross(exact, other)) / np.linalg.norm(exact) / np.linalg.norm(other)
    if sine < PARALLEL:
        first, second = (AXES[axis.number] for axis in axes)
        return f"{first} and {second} have the same direction"
    return ""


def _rotations(axes: tuple[Axis, Axis], exact: np.ndarray, other: np.ndarray) -> np.ndarray:
    """[B, 3, 3] with these axes as columns; the second one only as near as the first allows."""
    first, second = (axis.number for axis in axes)
    third = 3 - first - second
    sign = 1.0 if (second - first) % 3 == 1 else -1.0
    unit = exact / np.linalg.norm(exact, axis=1, keepdims=True)
    normal = sign * rigid.cross(unit, other)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    made = np.zeros((len(unit), 3, 3))
    made[:, :, first], made[:, :, third] = unit, normal
    made[:, :, second] = sign * rigid.cross(normal, unit)
    return made
