"""The shape of a category, from what its shots show of it in space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cape_ros.perception import symmetries
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.spatial import (
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
