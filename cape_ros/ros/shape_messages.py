"""Shapes, named frames and calibrations of a category as messages, and back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any

from geometry_msgs.msg import Point
from sensor_msgs.msg import CameraInfo

from cape_ros.core.errors import Fault, InvalidInput
from cape_ros.messages.camera_info import to_model
from cape_ros.messages.depth import to_depth
from cape_ros.msg import FrameDefinition as FrameMessage
from cape_ros.perception.category import Category
from cape_ros.perception.spatial import (
    CameraModel,
    DepthImage,
    FrameDefinition,
    Shape,
    read_frames,
)
from cape_ros.perception.spatial.frames import AXES, to_mapping


def to_points(shape: Shape | None) -> list[Point]:
    """Empty without a shape in metres."""
    if shape is None or not shape.metric:
        return []
    return [Point(x=x, y=y, z=z) for x, y, z in shape.points.tolist()]


def to_shape(points: Sequence[Any], count: int) -> Shape | None:
    """None of nothing. count: of the category's keypoints. Raises `InvalidInput`."""
    return Shape.given([(p.x, p.y, p.z) for p in points], count) if points else None


def to_frame_messages(category: Category) -> list[FrameMessage]:
    return [
        FrameMessage(name=name, **fields)
        for name, fields in to_mapping(category.frames, category.keypoint_names).items()
    ]


def to_frames(
    messages: Sequence[Any], keypoint_names: Sequence[str]
) -> tuple[FrameDefinition, ...]:
    """Raises `InvalidInput` that names every fault by its field, as `frames.grasp.origin[1]`."""
    twice = [name for name, count in Counter(one.name for one in messages).items() if count > 1]
    if twice:
        raise InvalidInput([Fault("frames", f"{n!r} is there twice", "duplicate") for n in twice])
    given = {
        one.name: {
            "origin": list(one.origin),
            **{axis: along for axis in AXES if (along := getattr(one, axis))},
        }
        for one in messages
    }
    return read_frames(given, keypoint_names)


def in_known_order(category: Category, known: Category | None) -> Category:
    """A message does not say which of two equal axes is exact: of a frame that is otherwise as it
    was before, the one that was."""
    if known is None or category.keypoint_names != known.keypoint_names:
        return category
    before = {_apart_from_order(frame): frame for frame in known.frames}
    frames = [before.get(_apart_from_order(frame), frame) for frame in category.frames]
    return replace(category, frames=frames)


def _apart_from_order(frame: FrameDefinition) -> Hashable:
    return frame.name, frame.origin, frozenset(frame.axes)


def to_camera_info(camera: CameraModel, size: tuple[int, int]) -> CameraInfo:
    """size: (width, height) of the images."""
    lens = "equidistant" if camera.fisheye else "rational_polynomial"
    if not camera.fisheye and camera.distortion.size <= 5:
        lens = "plumb_bob"
    return CameraInfo(
        width=size[0],
        height=size[1],
        distortion_model=lens,
        d=camera.distortion.ravel().tolist(),
        k=camera.matrix.ravel(),
    )


def given_camera(
    shot: Any, size: tuple[int, int], rectified: bool, prefix: str
) -> tuple[CameraModel | None, DepthImage | None]:
    """The calibration and the depth that a SupportShot carries; None of what it does not.

    size: (width, height) of its image. rectified: whether the image is. prefix: before the names of
    the fields. Raises `InvalidInput`.
    """
    faults: list[Fault] = []
    camera = depth = None
    if any(shot.camera_info.k) or any(shot.camera_info.p):
        try:
            # That of a shot which this package wrote has no P.
            by_p = rectified and any(shot.camera_info.p)
            camera = to_model(shot.camera_info, by_p, size)
        except InvalidInput as error:
            faults += [fault.at(f"{prefix}camera_info.{fault.field}") for fault in error.faults]
    if len(shot.depth.data) or shot.depth.width:
        try:
            depth = to_depth(shot.depth, f"{prefix}depth")
        except InvalidInput as error:
            faults += error.faults
    if faults:
        raise InvalidInput(faults)
    return camera, depth
