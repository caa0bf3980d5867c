"""An orbit as a robot sees it: a calibrated depth camera that knows, nearly, how it moves."""

from __future__ import annotations

import zlib

import cv2
import numpy as np

from cape_ros.demo.grasp.depth_noise import measure
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.shapes import with_shape
from cape_ros.perception.space import Sight
from cape_ros.perception.spatial import CameraModel, DepthImage, Pose, rigid
from rig.rendered import RenderedObject

DISTANCE = 0.7  # [m] of the object in the first image: the world is scaled to it
OFF = (
    0.002,
    0.2,
)  # [m, degrees] standard deviations of the camera's place, along and about each axis
FAR = 10.0  # [m] where nothing is


class MovingCamera:
    """Around a rendered object that stands still. Its place is wrong in every image by the same
    error, as a calibration has it, and by another one."""

    def __init__(self, thing: RenderedObject) -> None:
        self._thing = thing
        self._generator = np.random.default_rng(zlib.crc32(thing.id.encode()))
        row = thing.rows[0]
        focal, (x, y) = row["camera"]["focal"], row["camera"]["centre"]
        self.model = CameraModel.of([focal, 0, x, 0, focal, y, 0, 0, 1], [], "plumb_bob")
        self._scale = DISTANCE / row["instances"][0]["translation"][2]
        self._calibration = self._error()

    def depth(self, at: int) -> DepthImage:
        path = self._thing.folder / self._thing.rows[at]["depth"]
        exact = cv2.imread(str(path), cv2.IMREAD_UNCHANGED).astype(np.float32) / 1000
        exact = np.where(exact > 0, exact * self._scale, FAR).astype(np.float32)
        return DepthImage.of(measure(exact, self.model.focal, self._generator))

    def sight(self, at: int, seconds: float) -> Sight:
        truth = self._thing.rows[at]["instances"][0]
        seen = Pose(
            np.array(truth["rotation"]),
            self._scale * np.array(truth["translation"]),
            np.zeros((6, 6)),
        )
        place = self._error().seen_from(self._calibration).seen_from(seen.inverse)
        return Sight(self.model, seconds, self.depth(at), target=place, target_frame="object")

    def category(self) -> Category:
        """The object as a person registers it from the first picture and its depth."""
        flat = self._thing.category([0])
        (shot,) = flat.shots
        seen = SupportShot(
            shot.image, shot.keypoints, shot.visible, camera=self.model, depth=self.depth(0)
        )
        return with_shape(flat, None, [seen])

    def _error(self) -> Pose:
        along, about = OFF
        turn = rigid.rotation_of(np.radians(self._generator.normal(0, about, 3)))
        return Pose(turn, self._generator.normal(0, along, 3), np.zeros((6, 6)))
