"""The coffee in space: where its keypoints are before a camera that looks down on the table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cape_ros.perception.category import Category
from cape_ros.perception.spatial import CameraModel, Shape, read_frames

DOWN = np.radians(50)  # that the camera looks down
AWAY = 0.5  # [m] from the camera to the table, in the middle of the image
HEIGHTS = np.array([70, 70, 60, 15, 12, 10, 45, 30]) / 1000  # [m] of the keypoints over the table
FRAMES = {
    "grasp": {"origin": ["rim_left", "rim_right"], "x": "rim_left->rim_right", "z": "approach"},
    "spoon": {"origin": ["spoon_neck"], "y": "spoon_end->spoon_bowl"},
}


def camera(width: int, height: int) -> CameraModel:
    focal = 1.2 * width
    k = [focal, 0, (width - 1) / 2, 0, focal, (height - 1) / 2, 0, 0, 1]
    return CameraModel.of(k, (), "plumb_bob")


def with_shape(coffee: Category, **frames: dict[str, object]) -> Category:
    """The coffee with the shape that its shot would have with depth."""
    (shot,) = coffee.shots
    rays = camera(*shot.image.shape[1::-1]).rays(shot.keypoints)
    rays = np.column_stack((rays, np.ones(len(rays))))
    gravity = np.array((0, np.cos(DOWN), np.sin(DOWN)))
    points = rays * ((AWAY * np.sin(DOWN) - HEIGHTS) / (rays @ gravity))[:, None]
    shape = Shape.given(points - points.mean(axis=0), len(points))
    return replace(coffee, shape=shape, frames=read_frames(frames, coffee.keypoint_names))
