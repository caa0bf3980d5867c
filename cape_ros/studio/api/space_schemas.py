"""Requests and answers about shapes and named frames of categories."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, Field

from cape_ros.perception.category import Category
from cape_ros.perception.shape_view import place_frames, view_of
from cape_ros.perception.spatial import FrameDefinition, NamedFrame
from cape_ros.perception.spatial.frames import to_mapping
from cape_ros.studio.api.schemas import FaultsAnswer, Strict

Vector = tuple[float, float, float]


class FrameBody(Strict):
    """A named frame by names of keypoints, as annotation files have it. x, y, z: `a->b`, `approach`
    or `down`, one or two of them."""

    origin: list[str] = Field(default=[], max_length=1000)
    x: str | None = None
    y: str | None = None
    z: str | None = None


class FramesBody(Strict):
    """All named frames of a category by their names. base_version: as of a registration."""

    frames: dict[str, FrameBody]
    base_version: int | None = Field(default=None, ge=1)


def frame_bodies(category: Category) -> dict[str, FrameBody]:
    written = to_mapping(category.frames, category.keypoint_names)
    return {name: FrameBody(**fields) for name, fields in written.items()}


class PlacedFrame(BaseModel):
    """Where a named frame lies in the object's frame. origin: null where reason says why there is
    none. axes: unit vectors along x, y and z."""

    name: str
    origin: Vector | None
    axes: tuple[Vector, Vector, Vector] | None
    reason: str

    @classmethod
    def of(cls, frame: NamedFrame) -> PlacedFrame:
        if frame.pose is None:
            return cls(name=frame.name, origin=None, axes=None, reason=frame.reason)
        x, y, z = map(_vector, frame.pose.rotation.T)
        origin = _vector(frame.pose.translation)
        return cls(name=frame.name, origin=origin, axes=(x, y, z), reason="")


class ShapeAnswer(BaseModel):
    """The keypoints of a category in a frame of the object.

    points: in metres, null where they are not known. metric: false if their unit is not the metre,
    for no depth camera has seen the object yet. view: the rows of the rotation from the object's
    frame to the optical frame (x right, y down, z ahead) of the first shot's camera.
    """

    points: list[Vector | None]
    metric: bool
    view: tuple[Vector, Vector, Vector]
    frames: list[PlacedFrame]

    @classmethod
    def of(cls, category: Category) -> ShapeAnswer | None:
        shape = category.shape
        if shape is None:
            return None
        view = view_of(category)
        right, down, ahead = map(_vector, view.rotation)
        return cls(
            points=[
                _vector(point) if known else None
                for point, known in zip(shape.points, shape.known, strict=True)
            ],
            metric=shape.metric,
            view=(right, down, ahead),
            frames=[PlacedFrame.of(each) for each in place_frames(category, category.frames, view)],
        )


class FramesCheck(FaultsAnswer):
    """The faults that frames would have; without any, where they lie if there is a shape."""

    frames: list[PlacedFrame]

    @classmethod
    def placed(cls, category: Category, frames: Sequence[FrameDefinition]) -> FramesCheck:
        if category.shape is None:
            return cls(faults=[], frames=[])
        placed = place_frames(category, frames, view_of(category))
        return cls(faults=[], frames=[PlacedFrame.of(each) for each in placed])


def _vector(values: np.ndarray) -> Vector:
    x, y, z = (round(float(value), 6) for value in values)
    return x, y, z
