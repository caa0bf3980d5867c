"""How much a view of an object differs from its shots, and the part of an image that shows it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from cape_ros.perception.category import SupportShot
from cape_ros.perception.geometry import Box, clip_box, hull_box

LEAST_DIFFERENCE = 0.06  # of two views that are from other sides
MARGIN = 0.4  # of the longer side of the keypoints' hull, kept around a view on each side
LONGEST_SIDE = 384  # pixels of a kept view
MIN_POINTS = 3  # that two views must share to be compared
AT_THE_BORDER = 2.0  # pixels from the image's edge within which an object may be cut off


def difference(
    points: np.ndarray, seen: np.ndarray, other: np.ndarray, other_seen: np.ndarray
) -> float:
    """How much of the layout no rotation, scale and shift in the image plane explains.

    points, other: [K, 2]; seen, other_seen: [K] bool. The root mean square residual of the best
    similarity transform, as a part of the layout's root mean square radius: 0 for the same view.
    NaN with fewer than `MIN_POINTS` common points.
    """
    both = seen & other_seen
    if both.sum() < MIN_POINTS:
        return float("nan")
    # As complex numbers a similarity transform is one factor.
    here = points[both].astype(np.float64) @ (1, 1j)
    there = other[both].astype(np.float64) @ (1, 1j)
    here, there = here - here.mean(), there - there.mean()
    radius = np.linalg.norm(here)
    if not radius or not np.linalg.norm(there):
        return float("nan")
    factor = np.vdot(there, here) / np.vdot(there, there)
    return float(np.linalg.norm(here - factor * there) / radius)


def nearest_shot(
    shots: Sequence[SupportShot], points: np.ndarray, seen: np.ndarray
) -> tuple[int, float]:
    """The index of the shot that a view differs least from, and that difference; NaN if no shot
    shares enough keypoints with it."""
    each = [difference(points, seen, shot.keypoints, shot.visible) for shot in shots]
    if np.isnan(each).all():
        return 0, float("nan")
    index = int(np.nanargmin(each))
    return index, each[index]


def most_different(shots: Sequence[SupportShot], most: int) -> Sequence[SupportShot]:
    """The shots without the automatic one that is most like others, if they are more than `most`.

    Those that a person made always stay.
    """
    if len(shots) <= most:
        return shots
    droppable = [at for at, shot in enumerate(shots) if shot.automatic]
    if not droppable:
        return shots
    dropped = min(droppable, key=lambda at: _apart(shots, at))
    return [*shots[:dropped], *shots[dropped + 1 :]]


def _apart(shots: Sequence[SupportShot], at: int) -> float:
    """How much a shot differs from the two that it is most like: what is lost without it."""
    one = shots[at]
    each = [
        difference(one.keypoints, one.visible, other.keypoints, other.visible)
        for other in (*shots[:at], *shots[at + 1 :])
    ]
    return float(np.sort(np.nan_to_num(each, nan=1.0))[:2].sum())


def is_cut_off(points: np.ndarray, size: tuple[int, int]) -> bool:
    """Whether any point lies at the edge of the image or beyond it. size: (height, width)."""
    limit = np.array([size[1], size[0]]) - 1 - AT_THE_BORDER
    return bool(((points < AT_THE_BORDER) | (points > limit)).any())


def to_shot(image: np.ndarray, points: np.ndarray, seen: np.ndarray) -> SupportShot:
    """An automatic shot: a copy of what surrounds the seen points [K, 2] in an image [H, W, 3],
    at most `LONGEST_SIDE` pixels long."""
    height, width = image.shape[:2]
    left, top, right, bottom = _whole(clip_box(hull_box(points[seen], MARGIN), width, height))
    part = image[top:bottom, left:right]
    zoom = min(1.0, LONGEST_SIDE / max(part.shape[:2]))
    if zoom < 1.0:
        part = cv2.resize(part, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
    zooms = np.array([part.shape[1] / (right - left), part.shape[0] / (bottom - top)])
    # Pixel centres lie on whole numbers.
    moved = (points - (left, top) + 0.5) * zooms - 0.5
    return SupportShot(np.ascontiguousarray(part), moved, seen, automatic=True)


def _whole(box: Box) -> tuple[int, int, int, int]:
    x, y, width, height = box
    return int(x), int(y), int(np.ceil(x + width)), int(np.ceil(y + height))
