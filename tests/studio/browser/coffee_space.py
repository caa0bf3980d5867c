"""The coffee in space: where its keypoints are before a camera that looks down on the table."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from cape_ros.perception.category import Category
from cape_ros.perception.space import ImageInSpace, Sight, SpaceEstimator, SpaceInputs
from cape_ros.perception.spatial import (
    CameraModel,
    DepthImage,
    Shape,
    estimate_pose,
    lift,
    read_frames,
)
from cape_ros.server.server import Result

from .running import Running

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


class DepthCamera:
    """Sees the coffee in space wherever the camera moves: as the node with a depth camera does."""

    def __init__(self, running: Running, coffee: Category) -> None:
        self.inputs = SpaceInputs(calibrated=True, depth=True)
        self.has_depth = True  # of every image
        self.computed = 0  # results
        self._running = running
        self._coffee = coffee
        self._estimator = SpaceEstimator()

    def offer(self, result: Result) -> None:
        studio = self._running.studio
        assert studio is not None
        if not studio.wants_space(result.frame.camera):
            return
        self.computed += 1
        height, width = result.frame.image.shape[:2]
        stamp = int(result.frame.header)
        model = camera(width, height)
        depth = self._depth(self._running.truth[stamp].keypoints, model, (width, height))
        sight = Sight(model, stamp / 1e9, depth)
        objects = self._estimator.estimate(result.objects, result.categories, sight)
        studio.offer_space(result, ImageInSpace(sight, objects))

    def _depth(
        self, keypoints: np.ndarray, model: CameraModel, size: tuple[int, int]
    ) -> DepthImage | None:
        """A surface through the keypoints and the table around them, with a hole; None without."""
        if not self.has_depth:
            return None
        shape = self._coffee.shape
        seen = lift(keypoints, np.ones(len(keypoints)), float(np.ptp(keypoints)), model)
        pose = estimate_pose(shape, seen).pose
        assert pose is not None
        assert shape is not None
        width, height = size
        across, along = np.meshgrid(np.linspace(0, width, 5), np.linspace(0, height, 4))
        border = np.column_stack((across.ravel(), along.ravel()))
        border = border[(border % (width, height) == 0).any(axis=1)]
        table = AWAY * (1.35 - 0.7 * border[:, 1] / height)
        places = np.concatenate((keypoints, border))
        depths = np.concatenate((pose.apply(shape.points)[:, 2], table))
        x, y = np.meshgrid(np.arange(0, width, 4), np.arange(0, height, 4))
        away = (x[..., None] - places[:, 0]) ** 2 + (y[..., None] - places[:, 1]) ** 2
        weights = 1 / (away + 1.0) ** 1.5
        coarse = (weights @ depths) / weights.sum(axis=-1)
        metres = cv2.resize(coarse.astype(np.float32), size)
        metres[-40:, :60] = 0
        return DepthImage.of(metres)
