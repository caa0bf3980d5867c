"""The shape of a category, from what its shots show of it in space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cape_ros.perception import symmetries
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.spatial import (
    FrameDefinition,
    LiftedKeypoints,
    Shape,
    ShapeBuilder,
    lift,
    shape_from_motion,
)


def with_shape(category: Category, known: Shape | None, new: Sequence[SupportShot]) -> Category:
    """The category with all that is known of its shape, and without the depth of its shots.

    A shape that the category gives counts before the known one. It is completed by new shots with
    depth; without scale, by all shots of calibrated cameras.

    known: from before, in the frame that the category keeps. new: the shots that it does not
    contain yet.
    """
    shape = category.shape or known
    if category.shape is None or not category.shape.known.all():
        shape = _completed(category, shape, [seen for shot in new if (seen := lifted(shot))])
    shots = [without_depth(shot) for shot in category.shots]
    return replace(category, shape=shape, shots=shots)


def carried_over(
    before: Category, order: Sequence[int | None]
) -> tuple[Shape | None, tuple[FrameDefinition, ...]]:
    """The shape and the named frames of a category whose keypoints are renamed or reordered.

    order: the index that each keypoint had before; None = it is new. A frame that needs a keypoint
    which is gone goes with it.
    """
    shape, now = None, {old: new for new, old in enumerate(order) if old is not None}
    if before.shape is not None and any(before.shape.known[old] for old in now):
        at = np.array([-1 if old is None else old for old in order])
        points = np.where(at[:, None] < 0, np.nan, before.shape.points[at])
        variances = np.where(at < 0, np.inf, before.shape.variances[at])
        shape = Shape(points, variances, before.shape.metric)
    kept = [frame for frame in before.frames if all(index in now for index in frame.keypoints)]
    return shape, tuple(frame.reordered(now) for frame in kept)


def _completed(
    category: Category, shape: Shape | None, new: Sequence[LiftedKeypoints]
) -> Shape | None:
    with_depth = [seen for seen in new if seen.measured.any()]
    if new and (shape is None or not shape.metric):
        rays = [seen.rays for shot in category.shots if (seen := lifted(shot))]
        if shape is not None or not with_depth:
            shape = shape_from_motion(rays) or shape
    count = len(category.keypoint_names)
    builder = ShapeBuilder(symmetries.orders(count, category.symmetries), shape)
    for seen in with_depth:
        builder.add(seen)
    return builder.shape


def lifted(shot: SupportShot) -> LiftedKeypoints | None:
    """Where the keypoints of a shot are in space; None without a calibrated camera."""
    if shot.camera is None:
        return None
    size = max(shot.box[2:])
    scores = shot.visible.astype(np.float32)
    return lift(shot.keypoints, scores, size, shot.camera, shot.depth, trusted=0.5)


def without_depth(shot: SupportShot) -> SupportShot:
    """The shot itself if it has none."""
    return shot if shot.depth is None else replace(shot, depth=None)
