"""A category's shape and named frames for a person to look at, as its first shot shows them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.spatial import (
    CameraModel,
    FrameDefinition,
    NamedFrame,
    Places,
    Pose,
    Shape,
    estimate_pose,
    lift,
    locate,
)

USUAL_FOCAL = 1.2  # of an image's longer side, where its camera is not calibrated
AWAY = 5.0  # sizes of the object, from a camera whose place is not known


def view_of(category: Category) -> Pose:
    """Where the frame of the category's shape lies in the optical frame of its first shot's camera.

    If the shot does not say, the camera looks along the frame's z. The category has a shape.
    """
    shape = category.shape
    assert shape is not None
    if category.shots and (pose := _pose(shape, category.shots[0])) is not None:
        return pose
    points = shape.points[shape.known]
    size = float(np.ptp(points, axis=0).max(initial=0)) or 1.0
    return Pose(np.eye(3), np.array((0.0, 0.0, AWAY * size)), np.zeros((6, 6)))


def _pose(shape: Shape, shot: SupportShot) -> Pose | None:
    height, width = shot.image.shape[:2]
    focal = USUAL_FOCAL * max(width, height)
    usual = np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]])
    camera = shot.camera or CameraModel(usual, np.empty(0))
    scores = shot.visible.astype(np.float32)
    seen = lift(shot.keypoints, scores, max(shot.box[2:]), camera, trusted=0.5)
    # A shape without scale has a pose in its own unit.
    return estimate_pose(Shape(shape.points, shape.variances), seen).pose


def place_frames(
    category: Category, frames: Sequence[FrameDefinition], view: Pose
) -> list[NamedFrame]:
    """Where frames lie in the frame of the category's shape.

    frames: by keypoints of the category. view: as of `view_of`; it decides where `approach` and the
    right of the image are.
    """
    shape, names = category.shape, tuple(category.keypoint_names)
    assert shape is not None
    count = len(names)
    places = Places.independent(view.apply(shape.points), np.zeros((count, 3, 3)))
    return [_placed(frame, shape, names, places, view) for frame in frames]


def _placed(
    frame: FrameDefinition, shape: Shape, names: tuple[str, ...], places: Places, view: Pose
) -> NamedFrame:
    absent = next((names[at] for at in frame.keypoints if not shape.known[at]), None)
    if absent is not None:
        return NamedFrame(frame.name, None, f"the shape does not have keypoint {absent!r}")
    seen = locate(frame, places, names)
    pose = None if seen.pose is None else seen.pose.seen_from(view.inverse)
    return NamedFrame(frame.name, pose, seen.reason)
