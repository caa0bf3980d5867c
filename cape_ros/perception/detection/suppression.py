"""Which of several predictions are the same object: judged by their keypoints, not by their boxes,
so that two objects side by side stay two."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cape_ros.perception.category import SupportShot
from cape_ros.perception.geometry import Box, hull_box
from cape_ros.perception.objects import ObjectKeypoints

NEAR = 0.12  # two points are the same place if they are closer than this part of the object
SHARED = 0.4  # an object that shares more of its points with others is none of its own
COVERED = 0.6  # of two hulls: more is the same object, whichever points lie on which
FLATTEST = 0.25  # width of an object by its length, in shots where it has the same ones
WITHIN = 0.8  # of a much smaller hull: more is a part of the object that looks like all of it
LEAST_SIZE = 8.0  # pixels of an object
FEWEST = 3  # points that have a shape
LINE = 0.1  # width of points by their length: less lies on a line
EPSILON = 1e-6


def is_duplicate(
    candidate: ObjectKeypoints, kept: Sequence[ObjectKeypoints], threshold: float
) -> bool:
    """Whether a prediction shows what better ones of its category show already, together.

    threshold: match from which a point says where its object is.
    """
    if not kept:
        return False
    trusted = trusted_points(candidate, threshold)
    points, size = candidate.keypoints[trusted], _size(candidate.keypoints[trusted])
    distance = np.stack(
        [np.linalg.norm(points - other.keypoints[trusted], axis=1) for other in kept]
    )
    sizes = np.array([_size(other.keypoints[trusted_points(other, threshold)]) for other in kept])
    same = distance < NEAR * np.maximum(sizes, size)[:, None]
    if same.any(axis=0).mean() > SHARED:
        return True
    hull = _hull(points)
    others = [_hull(other.keypoints[trusted_points(other, threshold)]) for other in kept]
    return any(overlap(hull, other) > COVERED or _is_part(hull, other) for other in others)


def is_flattened(found: ObjectKeypoints, shots: Sequence[SupportShot], threshold: float) -> bool:
    """Whether the trusted points lie nearly on a line, as in no shot: an object that is seen so
    obliquely is not recognised, but an edge of something else can have all its points.

    threshold: match from which a point says where its object is.
    """
    trusted = trusted_points(found, threshold)
    known = [shot for shot in shots if (shot.visible & trusted).sum() >= FEWEST]
    return bool(known) and all(
        _flatness(shot.keypoints, found.keypoints, shot.visible & trusted) < FLATTEST
        for shot in known
    )


def _flatness(shot: np.ndarray, found: np.ndarray, both: np.ndarray) -> float:
    """The ratio of both scales of the affine map from a shot's points to those that were found; 1
    if the shot's lie on a line themselves."""
    source = shot[both] - shot[both].mean(axis=0)
    spread = np.linalg.svd(source, compute_uv=False)
    if spread[1] < LINE * spread[0]:
        return 1.0
    affine = np.linalg.lstsq(source, found[both] - found[both].mean(axis=0), rcond=None)[0]
    scales = np.linalg.svd(affine, compute_uv=False)
    return float(scales[1] / max(scales[0], EPSILON))


def overlap(one: Box, other: Box) -> float:
    """The common part of two boxes, of their union."""
    common = _common(one, other)
    return common / max(_area(one) + _area(other) - common, EPSILON)


def _is_part(one: Box, other: Box) -> bool:
    """Whether one hull lies in one that is more than four times as large."""
    small, large = sorted((one, other), key=_area)
    return 4 * _area(small) < _area(large) and _common(small, large) > WITHIN * _area(small)


def _common(one: Box, other: Box) -> float:
    x1, y1 = max(one[0], other[0]), max(one[1], other[1])
    x2 = min(one[0] + one[2], other[0] + other[2])
    y2 = min(one[1] + one[3], other[1] + other[3])
    return max(0.0, x2 - x1) * max(0.0, y2 - y1)


def _area(box: Box) -> float:
    return box[2] * box[3]


def trusted_points(one: ObjectKeypoints, threshold: float) -> np.ndarray:
    """Which points [K] bool say where the object is: all of them where none is trusted."""
    trusted: np.ndarray = one.matches >= threshold
    return trusted if trusted.any() else np.ones_like(trusted)


def _size(points: np.ndarray) -> float:
    """The longer side of the hull, at least a few pixels."""
    return max(float(np.ptp(points, axis=0).max()), LEAST_SIZE)


def _hull(points: np.ndarray) -> Box:
    return hull_box(points, margin=0.0, least=LEAST_SIZE)
