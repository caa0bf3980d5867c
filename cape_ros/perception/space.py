"""The objects of an image in space: their keypoints, poses and named frames, over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from cape_ros.perception import symmetries
from cape_ros.perception.category import Category
from cape_ros.perception.objects import ObjectKeypoints
from cape_ros.perception.spatial import (
    Alignment,
    CameraModel,
    DepthImage,
    LiftedKeypoints,
    NamedFrame,
    Places,
    Pose,
    PoseEstimate,
    PoseFilter,
    PoseRefusal,
    Shape,
    estimate_pose,
    lift,
    locate,
)
from cape_ros.perception.trust import Trust

FORGOTTEN = 10.0  # [s] without a pose until what is known of a track's pose is dropped


class SpaceInputs(NamedTuple):
    """What a camera has for results in space. depth: whether a depth camera publishes."""

    calibrated: bool = False
    depth: bool = False


@dataclass(frozen=True, eq=False)
class Sight:
    """What is known of an image in space.

    model: of the camera. seconds: the image's stamp. depth: on the image's pixels, or on those of
    another camera with an `alignment`; None = none. target: the camera's optical frame in the frame
    of the results, one that does not move and whose z points up; None = results stay in the optical
    frame. target_frame: its name.
    """

    model: CameraModel
    seconds: float
    depth: DepthImage | None = None
    alignment: Alignment | None = None
    target: Pose | None = None
    target_frame: str = ""

    def depth_around(self, found: ObjectKeypoints) -> DepthImage | None:
        """None of an object that the image does not show."""
        if self.depth is None or found.predicted:
            return None
        if self.alignment is None:
            return self.depth
        return self.alignment.aligned(self.depth, found.box)

    def depth_on(self, size: tuple[int, int]) -> DepthImage | None:
        """On all pixels of the image, of that size (width, height)."""
        if self.depth is None or self.alignment is None:
            return self.depth
        return self.alignment.aligned(self.depth, (0.0, 0.0, *size))


@dataclass(frozen=True, eq=False)
class ObjectInSpace:
    """One object; all in the frame of the results but `lifted` and `places`.

    lifted: its keypoints in the camera's optical frame. places: the same, with what the pose says
    of those without depth. points: [K, 3] metres as measured, NaN = not. covariances: [K, 3, 3].
    pose: of its frame, or None and `refusal` in words. shape: that the pose is of. frames: those
    that the category defines.
    """

    found: ObjectKeypoints
    lifted: LiftedKeypoints
    places: Places
    points: np.ndarray
    covariances: np.ndarray
    pose: Pose | None
    refusal: str
    shape: Shape | None
    frames: Sequence[NamedFrame]

    @property
    def has_no_shape(self) -> bool:
        """Whether a pose was refused for what nobody has registered."""
        return self.refusal == PoseRefusal.NO_SHAPE.value


@dataclass(frozen=True, eq=False)
class ImageInSpace:
    """All objects of an image. sight: None where `trouble` says why nothing is known."""

    sight: Sight | None
    objects: Sequence[ObjectInSpace] = ()
    trouble: str = ""


class SpaceEstimator:
    """Finds the objects of one camera in space; remembers poses from image to image."""

    def __init__(self) -> None:
        # By track, category version and name of the frame; in the frame of the results.
        self._poses: dict[tuple[int, int], tuple[Pose, float]] = {}
        self._filters: dict[tuple[int, int, str], tuple[PoseFilter, float]] = {}
        self._scaled: dict[tuple[str, int], Shape] = {}
        self._target: tuple[bool, str] = False, ""
        self._seconds = -np.inf

    def estimate(
        self,
        objects: Sequence[ObjectKeypoints],
        categories: Mapping[str, Category],
        sight: Sight,
        trusted: float = Trust.point_threshold,
    ) -> list[ObjectInSpace]:
        """In the order of `objects`; those whose category is not known any more are left out.

        trusted: the least score of a keypoint that counts.
        """
        self._forget(sight)
        return [
            self._one(found, category, sight, trusted)
            for found in objects
            if (category := categories.get(found.category)) is not None
            and len(category.keypoint_names) == len(found.keypoints)
        ]

    def _forget(self, sight: Sight) -> None:
        seconds, target = sight.seconds, (sight.target is not None, sight.target_frame)
        if seconds < self._seconds or target != self._target:
            self._poses.clear()
            self._filters.clear()
        self._seconds, self._target = seconds, target
        oldest = seconds - FORGOTTEN
        self._poses = {k: one for k, one in self._poses.items() if one[1] >= oldest}
        self._filters = {k: one for k, one in self._filters.items() if one[1] >= oldest}

    def _one(
        self, found: ObjectKeypoints, category: Category, sight: Sight, trusted: float
    ) -> ObjectInSpace:
        seen = lift(
            found.keypoints,
            found.scores,
            max(found.box[2:]),
            sight.model,
            sight.depth_around(found),
            trusted=max(trusted, 1e-6),
        )
        shape = self._shape(category, seen)
        estimate = self._pose(found, category, shape, seen, sight)
        places = Places.of(seen, estimate, shape)
        down = None if sight.target is None else -sight.target.rotation[2]
        frames = [
            locate(frame, places, tuple(category.keypoint_names), down) for frame in category.frames
        ]
        places = places.ordered(np.argsort(estimate.order))  # as found
        pose, refusal = estimate.pose, estimate.refusal.value if estimate.refusal else ""
        points, covariances = seen.points, seen.covariances
        if sight.target is not None:
            turn = sight.target.rotation
            points, covariances = sight.target.apply(points), turn @ covariances @ turn.T
            pose = self._filtered(found, "", pose, sight)
            refusal = "" if pose else refusal
            frames = [
                replace(frame, pose=moved, reason="" if moved else frame.reason)
                for frame in frames
                for moved in (self._filtered(found, frame.name, frame.pose, sight),)
            ]
        if pose is not None and found.track_id >= 0:
            self._poses[found.track_id, found.category_version] = pose, sight.seconds
        return ObjectInSpace(found, seen, places, points, covariances, pose, refusal, shape, frames)

    def _shape(self, category: Category, seen: LiftedKeypoints) -> Shape | None:
        """In metres as soon as a depth camera has seen one of its objects."""
        shape = category.shape
        if shape is None or shape.metric:
            return shape
        key = category.name, category.version
        if key not in self._scaled and (scaled := shape.scaled_to(seen)) is not None:
            self._scaled = {known: one for known, one in self._scaled.items() if known[0] != key[0]}
            self._scaled[key] = scaled
        return self._scaled.get(key, shape)

    def _pose(
        self,
        found: ObjectKeypoints,
        category: Category,
        shape: Shape | None,
        seen: LiftedKeypoints,
        sight: Sight,
    ) -> PoseEstimate:
        key = found.track_id, found.category_version
        previous, _ = self._poses.get(key, (None, 0.0))
        if previous is not None and sight.target is not None:
            previous = previous.seen_from(sight.target.inverse)
        orders = symmetries.orders(len(category.keypoint_names), category.symmetries)
        return estimate_pose(shape, seen, orders, previous)

    def _filtered(
        self, found: ObjectKeypoints, name: str, pose: Pose | None, sight: Sight
    ) -> Pose | None:
        """A pose of the optical frame in the target frame, and what it is by all of its track.

        name: of the frame, "" for that of the object. Of an object that is not seen, its motion.
        """
        assert sight.target is not None
        moved = None if pose is None else pose.seen_from(sight.target)
        if found.track_id < 0:
            return moved
        key = found.track_id, found.category_version, name
        known, _ = self._filters.get(key, (None, 0.0))
        if found.predicted and known is not None:
            return known.at(sight.seconds)
        if moved is None or found.predicted:
            return moved
        if known is None:
            self._filters[key] = PoseFilter(moved, sight.seconds), sight.seconds
            return moved
        self._filters[key] = known, sight.seconds
        return known.update(moved, sight.seconds)
