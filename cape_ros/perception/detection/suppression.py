"""Which of several predictions are the same object: judged by their keypoints, not by their boxes,
so that two objects side by side stay two."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cape_ros.perception.objects import ObjectKeypoints

NEAR = 0.12  # two points are the same place if they are closer than this part of the object
SHARED = 0.4  # an object that shares more of its points with others is none of its own
COVERED = 0.6  # of the smaller hull: more is the same object, whichever points lie on which


def is_duplicate(
    candidate: ObjectKeypoints, kept: Sequence[ObjectKeypoints], threshold: float
) -> bool:
    """Whether a prediction shows what better ones of its category show already, together.

    threshold: match from which a point says where its object is.
    """
    if not kept:
        return False
    trusted = _trusted(candidate, threshold)
    points, size = candidate.keypoints[trusted], _size(candidate.keypoints[trusted])
    distance = np.stack(
        [np.linalg.norm(points - other.keypoints[trusted], axis=1) for other in kept]
    )
    sizes = np.array([_size(other.keypoints[_trusted(other, threshold)]) for other in kept])
    same = distance < NEAR * np.maximum(sizes, size)[:, None]
    if same.any(axis=0).mean() > SHARED:
        return True
    hull = _hull(points)
    return any(_overlap(hull, _hull(o.keypoints[_trusted(o, threshold)])) > COVERED for o in kept)


def _trusted(one: ObjectKeypoints, threshold: float) -> np.ndarray:
    """Which points [K] bool say where the object is: all of them where none is trusted."""
    trusted: np.ndarray = one.matches >= threshold
    return trusted if trusted.any() else np.ones_like(trusted)


def _size(points: np.ndarray) -> float:
    """The longer side of the hull, at least a few pixels."""
    return max(float(np.ptp(points, axis=0).max()), 8.0)


def _hull(points: np.ndarray) -> np.ndarray:
    """Left, top, right, bottom."""
    return np.concatenate((points.min(axis=0), points.max(axis=0)))


def _overlap(one: np.ndarray, other: np.ndarray) -> float:
    """The common part of two hulls, of the union of them."""
    low, high = np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])
    common = float(np.prod(np.clip(high - low, 0, None)))
    areas = [float(np.prod(hull[2:] - hull[:2])) for hull in (one, other)]
    return common / max(sum(areas) - common, 1e-6)
