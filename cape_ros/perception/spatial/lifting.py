"""Keypoints in pixels become points in metres, each with its covariance."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from cape_ros.perception.spatial.camera_model import CameraModel
from cape_ros.perception.spatial.depth import DepthImage, surfaces_at
from cape_ros.perception.trust import Trust

DOUBTFUL, POWER = 0.16, 0.6  # of the object's size, and of the doubt: benchmarks/deviation.py
SHARPEST = 0.01  # of the object's size: no prediction is more precise
LEAST_DEVIATION = 1.0  # [pixels] nor is an annotation
DEEPEST = 1.5  # of the object's size: farther from its median depth lies something else
LEAST_DEPTH = 0.05  # [m] of an object, however small it is in the image


class KeypointState(IntEnum):
    """Whether a keypoint has a place in space."""

    MEASURED = 0
    NO_DEPTH = 1  # seen, but its depth is a hole, or that of something else
    NOT_TRUSTED = 2  # its score is low, or the lens has no direction for its pixel


@dataclass(frozen=True, eq=False)
class LiftedKeypoints:
    """K keypoints in the camera's optical frame: x to the right, y down, z ahead.

    points: [K, 3] metres, NaN unless measured. covariances: [K, 3, 3] square metres, NaN unless
    measured. states: [K] of `KeypointState`. rays: [K, 2] x / z and y / z, NaN if not trusted.
    ray_covariances: [K, 2, 2] of the rays.
    """

    points: np.ndarray
    covariances: np.ndarray
    states: np.ndarray
    rays: np.ndarray
    ray_covariances: np.ndarray

    @property
    def measured(self) -> np.ndarray:
        """[K] bool."""
        chosen: np.ndarray = self.states == KeypointState.MEASURED
        return chosen

    @property
    def trusted(self) -> np.ndarray:
        """[K] bool: with a ray, and perhaps with depth."""
        chosen: np.ndarray = self.states != KeypointState.NOT_TRUSTED
        return chosen


def pixel_deviation(scores: np.ndarray, size: float) -> np.ndarray:
    """Standard deviations [K] in pixels of x and of y, from scores [K] in [0, 1].

    So chosen that nine of ten keypoints lie within the 90 % circle of a normal distribution: their
    errors have longer tails. A person's keypoints have a score of 1. size: of the object, the
    longer side of its box.
    """
    relative = np.maximum(DOUBTFUL * (1 - np.clip(scores, 0.0, 1.0)) ** POWER, SHARPEST)
    deviation: np.ndarray = np.maximum(relative * size, LEAST_DEVIATION)
    return deviation


def lift(
    keypoints: np.ndarray,
    scores: np.ndarray,
    size: float,
    model: CameraModel,
    depth: DepthImage | None = None,
    *,
    trusted: float = Trust.point_threshold,
) -> LiftedKeypoints:
    """Keypoints of one object where the depth image has them.

    keypoints: [K, 2] pixels. scores: [K]. size: of the object in pixels, the longer side of its
    box. depth: on the same pixels; None = no keypoint has depth. trusted: the least score of a
    keypoint that is lifted.
    """
    pixels, count = np.asarray(keypoints, np.float64), len(keypoints)
    deviation = pixel_deviation(np.asarray(scores, np.float64), size)
    around = np.stack((pixels, pixels + np.array((1.0, 0.0)), pixels + np.array((0.0, 1.0))))
    rays, right, below = model.rays(around.reshape(-1, 2)).reshape(3, count, 2)
    per_pixel = np.stack((right - rays, below - rays), axis=-1)  # [K, ray, pixel]
    usable = (np.asarray(scores) >= trusted) & np.isfinite(per_pixel).all(axis=(1, 2))
    rays = np.where(usable[:, None], rays, np.nan)
    spread = per_pixel * deviation[:, None, None]
    states = np.where(usable, KeypointState.NO_DEPTH, KeypointState.NOT_TRUSTED).astype(np.uint8)
    points, covariances = np.full((count, 3), np.nan), np.full((count, 3, 3), np.nan)
    if depth is not None and usable.any():
        seen = np.flatnonzero(usable)
        found = surfaces_at(depth, pixels[seen], deviation[seen], model.focal)
        distance, per_pixel = found.means[:, 2], per_pixel[seen]
        moved = found.means[:, :2] - pixels[seen]
        along = np.ones((len(seen), 3))
        along[:, :2] = rays[seen] + (per_pixel @ moved[..., None])[..., 0]
        change = np.zeros((len(seen), 3, 3))  # of a point, with its pixel and its depth
        change[:, :2, :2] = distance[:, None, None] * per_pixel
        change[:, :, 2] = along
        kept = _of_one_object(distance, size / model.focal)
        measured, change = seen[kept], change[kept]
        points[measured] = (distance[:, None] * along)[kept]
        covariances[measured] = change @ found.covariances[kept] @ change.transpose(0, 2, 1)
        states[measured] = KeypointState.MEASURED
    return LiftedKeypoints(points, covariances, states, rays, spread @ spread.transpose(0, 2, 1))


def _of_one_object(depth: np.ndarray, relative_size: float) -> np.ndarray:
    """[K] bool: which depths [K] can be of one object. relative_size: size / distance."""
    known = np.isfinite(depth)
    if known.sum() < 3:
        return np.asarray(known)
    middle = float(np.median(depth[known]))
    deepest = max(DEEPEST * relative_size * middle, LEAST_DEPTH)
    kept: np.ndarray = known & (np.abs(np.where(known, depth, 0.0) - middle) <= deepest)
    return kept
