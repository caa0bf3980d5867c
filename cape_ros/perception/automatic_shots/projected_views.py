"""Where the keypoints of a still object lie in an image, by how the camera has moved.

What the network finds of a view from another side drifts. A camera whose place is known, and whose
depth has shown the object from a side that a person registered, needs none of it: while the object
stands still, its keypoints stay where they were in space.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cape_ros.perception.automatic_shots.views import LEAST_DIFFERENCE, MARGIN, nearest_shot
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.geometry import hull_box
from cape_ros.perception.objects import ObjectKeypoints
from cape_ros.perception.space import ObjectInSpace, Sight
from cape_ros.perception.spatial import Shape
from cape_ros.perception.spatial.depth import NOISE
from cape_ros.perception.trust import Trust

MOST_TRACKS = 256  # whose place is remembered
MOVED = 0.4  # of the box's longer side: what is found drifts, but not so far (median)
MOVED_NEAR = 0.15  # from a side that a person registered, where nothing drifts
FEWEST = 3  # keypoints that say so
AGREES = 0.05  # of the object's size: so far may depth be off the keypoint that it shows
AROUND = np.array([(x, y) for y in range(-2, 3) for x in range(-2, 3)])  # pixels of a keypoint
DEVIATIONS = 3.0  # of the noise of depth: neither counts what is less


@dataclass(frozen=True, eq=False)
class ProjectedView:
    """Keypoints of an object in an image. points: [K, 2] pixels, NaN = not known. visible: [K]
    bool: in the image, and not behind anything. near: every view so far was like a shot of a
    person."""

    points: np.ndarray
    visible: np.ndarray
    near: bool = False


@dataclass(eq=False)
class _Anchor:
    """Where an object stands. points: [K, 3] in the frame of the results, NaN = not known.

    shape: of the category, which the points are of. near: whether every view so far was like a
    shot of a person.
    """

    points: np.ndarray
    shape: Shape
    target_frame: str
    near: bool = True


class ViewProjector:
    """Of the objects of one camera; remembers where those that are tracked stand."""

    def __init__(self) -> None:
        self._anchors: dict[int, _Anchor] = {}

    def see(
        self,
        one: ObjectInSpace,
        category: Category,
        sight: Sight,
        size: tuple[int, int],
        trusted: float = Trust.point_threshold,
    ) -> ProjectedView | None:
        """Of an object in an image of that size (width, height); None while it is not known where
        the object stands.

        trusted: the least score of a keypoint that was found.
        """
        found = one.found
        if not _is_known(one, sight) or found.track_id < 0 or found.predicted:
            return None
        anchor = self._anchors.pop(found.track_id, None)
        if anchor is not None and not _is_of(anchor, category, sight):
            anchor = None
        seen = found.scores >= trusted
        by_hand = [shot for shot in category.shots if not shot.automatic]
        if anchor is None or anchor.near:
            anchor = self._anchored(anchor, one, category, sight, by_hand, seen)
        if anchor is None:
            return None
        view, clear = _project(anchor, found, sight, size)
        _, away = nearest_shot(by_hand, view.points, view.visible)
        most = MOVED_NEAR if away < LEAST_DIFFERENCE else MOVED
        if _contradiction(view, found, seen & clear) > most:
            return None
        self._anchors[found.track_id] = anchor  # the last one, now
        if len(self._anchors) > MOST_TRACKS:
            del self._anchors[next(iter(self._anchors))]
        return view

    def _anchored(
        self,
        anchor: _Anchor | None,
        one: ObjectInSpace,
        category: Category,
        sight: Sight,
        by_hand: Sequence[SupportShot],
        seen: np.ndarray,
    ) -> _Anchor | None:
        """Where it stands by this view, if that is like a shot of a person; else what is known."""
        assert category.shape is not None
        _, away = nearest_shot(by_hand, as_measured(one.found), seen)
        if away < LEAST_DIFFERENCE:
            if one.pose is None or one.shape is None:
                return anchor
            points = one.pose.apply(one.shape.points)
            return _Anchor(points, category.shape, sight.target_frame)
        if anchor is not None:
            anchor.near = False
        return anchor


def _is_known(one: ObjectInSpace, sight: Sight) -> bool:
    """Whether enough is known for its place to be of use in later images."""
    shape = one.shape
    return bool(shape and shape.metric and sight.target is not None and sight.depth is not None)


def as_measured(found: ObjectKeypoints) -> np.ndarray:
    """[K, 2] pixels, without smoothing."""
    return found.keypoints if found.measured is None else found.measured


def _is_of(anchor: _Anchor, category: Category, sight: Sight) -> bool:
    """Whether it holds for a category, which has more shots now, perhaps, and for this frame."""
    assert category.shape is not None
    same = np.array_equal(anchor.shape.points, category.shape.points, equal_nan=True)
    return same and anchor.target_frame == sight.target_frame


def _project(
    anchor: _Anchor, found: ObjectKeypoints, sight: Sight, size: tuple[int, int]
) -> tuple[ProjectedView, np.ndarray]:
    """And [K] bool: what nothing covers, whether it is there or not."""
    assert sight.target is not None
    points = sight.target.inverse.apply(anchor.points)
    known = np.isfinite(points).all(axis=1)
    pixels = sight.model.project(np.where(known[:, None], points, -1.0))
    with np.errstate(invalid="ignore"):
        inside = np.all((pixels >= 0) & (pixels <= np.array(size) - 1), axis=1)
    extent = float(np.linalg.norm(np.ptp(points[known], axis=0)))
    tolerance = np.maximum(AGREES * extent, DEVIATIONS * NOISE * points[:, 2] ** 2)
    if not inside.any():
        nothing = np.zeros(len(points), bool)
        return ProjectedView(pixels, nothing, anchor.near), nothing
    depth = sight.depth_around(replace(found, box=hull_box(pixels[inside], MARGIN)))
    assert depth is not None
    places = (
        np.rint(np.where(inside.reshape(-1, 1), pixels, -1e6)).astype(np.intp)[:, None] + AROUND
    )
    beyond = depth.at(places[..., 0], places[..., 1]) - points[:, 2:]
    with np.errstate(invalid="ignore"):
        visible = (np.abs(beyond) < tolerance[:, None]).any(axis=1)
        return ProjectedView(pixels, visible, anchor.near), visible | (beyond > 0).any(axis=1)


def _contradiction(view: ProjectedView, found: ObjectKeypoints, seen: np.ndarray) -> float:
    """How far what is found lies from its place, a part of the box's longer side; 0 = not known.

    seen: [K] bool, the keypoints that count.
    """
    if seen.sum() < FEWEST:
        return 0.0
    away = np.linalg.norm(as_measured(found)[seen] - view.points[seen], axis=1)
    return float(np.median(away)) / max(found.box[2:])
