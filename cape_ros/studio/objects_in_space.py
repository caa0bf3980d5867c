"""Objects in space as a live view draws them: pixels of the image, and distances in metres."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel

from cape_ros.perception.objects import ObjectKeypoints
from cape_ros.perception.space import ImageInSpace, ObjectInSpace, Sight
from cape_ros.perception.spatial import Pose

AXIS = 0.4  # of an object's size
SHORTEST_AXIS, LONGEST_AXIS = 0.01, 0.3  # [m]

Pixel = tuple[float, float]


class KeypointSpace(BaseModel):
    """x, y: null where it has no place. distance: metres from the camera. deviation: the standard
    deviation of the distance. measured: by its own depth; otherwise by the object's pose."""

    x: float | None
    y: float | None
    distance: float | None
    deviation: float | None
    measured: bool


class FrameSpace(BaseModel):
    """name: "" for the object's own frame. origin and axes (the ends of x, y and z): null where
    reason says why there are none."""

    name: str
    origin: Pixel | None
    axes: list[Pixel] | None
    distance: float | None
    reason: str


class ObjectSpace(BaseModel):
    """distance: of its frame, else the median of its keypoints. frames: its own, then the named
    ones."""

    distance: float | None
    keypoints: list[KeypointSpace]
    frames: list[FrameSpace]


class SpaceAnswer(BaseModel):
    """trouble: why nothing is known. objects: as those of the result, null of unknown ones."""

    trouble: str
    objects: list[ObjectSpace | None]

    @classmethod
    def of(cls, seen: ImageInSpace, found: Sequence[ObjectKeypoints]) -> SpaceAnswer:
        known = {id(one.found): one for one in seen.objects}
        objects = [
            None if seen.sight is None or one is None else _object(one, seen.sight)
            for one in (known.get(id(each)) for each in found)
        ]
        return cls(trouble=seen.trouble, objects=objects)


def _object(one: ObjectInSpace, sight: Sight) -> ObjectSpace:
    points = one.places.points
    known = points[np.isfinite(points).all(axis=1)]
    size = float(np.ptp(known, axis=0).max()) if len(known) else 0.0
    length = min(max(AXIS * size, SHORTEST_AXIS), LONGEST_AXIS)
    own = _frame("", one.pose, one.refusal, length, sight)
    frames = [_frame(each.name, each.pose, each.reason, length, sight) for each in one.frames]
    keypoints = _keypoints(one, sight)
    distances = [each.distance for each in keypoints if each.distance is not None]
    middle = round(float(np.median(distances)), 4) if distances else None
    distance = own.distance if own.distance is not None else middle
    return ObjectSpace(distance=distance, keypoints=keypoints, frames=[own, *frames])


def _keypoints(one: ObjectInSpace, sight: Sight) -> list[KeypointSpace]:
    points, measured = one.places.points, one.lifted.measured
    pixels = sight.model.project(np.where(np.isfinite(points), points, 0.0))
    answers = []
    for at, (point, pixel) in enumerate(zip(points, pixels, strict=True)):
        if not (np.isfinite(point).all() and np.isfinite(pixel).all()):
            nowhere = KeypointSpace(x=None, y=None, distance=None, deviation=None, measured=False)
            answers.append(nowhere)
            continue
        distance = float(np.linalg.norm(point))
        along = point / distance
        variance = float(along @ one.places.covariances[at] @ along)
        answers.append(
            KeypointSpace(
                x=round(float(pixel[0]), 2),
                y=round(float(pixel[1]), 2),
                distance=round(distance, 4),
                deviation=round(variance**0.5, 4) if 0 <= variance < np.inf else None,
                measured=bool(measured[at]),
            )
        )
    return answers


def _frame(name: str, pose: Pose | None, reason: str, length: float, sight: Sight) -> FrameSpace:
    """pose: in the frame of the results."""
    if pose is not None and sight.target is not None:
        pose = pose.seen_from(sight.target.inverse)
    if pose is not None:
        ends = pose.apply(length * np.vstack((np.zeros(3), np.eye(3))))
        pixels = sight.model.project(ends)
        if np.isfinite(pixels).all():
            origin, *axes = [(round(x, 2), round(y, 2)) for x, y in pixels.tolist()]
            distance = round(float(np.linalg.norm(pose.translation)), 4)
            return FrameSpace(name=name, origin=origin, axes=axes, distance=distance, reason="")
        reason = "it is not before the camera"
    return FrameSpace(name=name, origin=None, axes=None, distance=None, reason=reason)
