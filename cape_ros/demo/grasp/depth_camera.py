"""The RGB-D camera: images with the noise of a real one, and its place."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from cape_ros.demo.grasp.depth_noise import measure
from cape_ros.demo.grasp.scene import Scene
from cape_ros.demo.grasp.simulator import mujoco
from cape_ros.perception.spatial import CameraModel, Pose

SIZE = 640, 480  # pixels: width, height
COLOUR_NOISE = 2.0  # of 255


@dataclass(frozen=True, eq=False)
class Shot:
    """image: [H, W, 3] uint8 RGB. depth: [H, W] uint16 millimetres, 0 = hole. exact: [H, W] metres.
    camera: the optical frame in the arm's frame."""

    image: np.ndarray
    depth: np.ndarray
    exact: np.ndarray
    camera: Pose


class DepthCamera:
    """`close` it before the program ends."""

    def __init__(self, scene: Scene, generator: np.random.Generator) -> None:
        self._scene = scene
        self._generator = generator
        self._renderer = mujoco().Renderer(scene.model, SIZE[1], SIZE[0])
        focal = SIZE[1] / 2 / np.tan(np.radians(scene.model.camera("camera").fovy[0]) / 2)
        centre = (SIZE[0] - 1) / 2, (SIZE[1] - 1) / 2  # of pixels whose middles are whole numbers
        self.model = CameraModel.of(
            [focal, 0, centre[0], 0, focal, centre[1], 0, 0, 1], [], "plumb_bob"
        )

    def close(self) -> None:
        self._renderer.close()

    def look(self, name: str, place: np.ndarray, target: np.ndarray) -> None:
        """Put a camera of the scene to a place [3] and point it at another."""
        back = (place - target) / np.linalg.norm(place - target)
        right = np.cross([0, 0, 1], back)
        right /= np.linalg.norm(right)
        quat = np.empty(4)
        axes = np.column_stack((right, np.cross(back, right), back))
        mujoco().mju_mat2Quat(quat, axes.ravel())
        camera = self._scene.model.camera(name)
        camera.pos, camera.quat = place, quat
        mujoco().mj_forward(self._scene.model, self._scene.data)

    def picture(self, name: str, with_shadows: bool = True) -> np.ndarray:
        """[H, W, 3] uint8 RGB of a camera of the scene, without noise. with_shadows: they take most
        of its time."""
        self._shadows(with_shadows)
        self._renderer.update_scene(self._scene.data, name)
        return np.array(self._renderer.render())

    def shoot(self, with_depth: bool = True) -> Shot:
        """with_depth: else depth is all holes, which takes less time."""
        image = self.picture("camera")
        noise = self._generator.normal(0, COLOUR_NOISE, image.shape)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
        exact = self._depth() if with_depth else np.zeros(SIZE[::-1], np.float32)
        seen = self._scene.data.camera("camera")
        # MuJoCo's cameras look along -z, with y up.
        rotation = seen.xmat.reshape(3, 3) * np.array([1, -1, -1])
        pose = Pose(rotation, seen.xpos.copy(), np.zeros((6, 6)))
        return Shot(image, measure(exact, self.model.focal, self._generator), exact, pose)

    def _depth(self) -> np.ndarray:
        self._shadows(False)
        self._renderer.enable_depth_rendering()
        try:
            self._renderer.update_scene(self._scene.data, "camera")
            return np.array(self._renderer.render())
        finally:
            self._renderer.disable_depth_rendering()

    def _shadows(self, cast: bool) -> None:
        self._renderer.scene.flags[mujoco().mjtRndFlag.mjRND_SHADOW] = cast

    def pixels(self, points: np.ndarray, shot: Shot) -> tuple[np.ndarray, np.ndarray]:
        """Where points [K, 3] of the arm's frame are in the image [K, 2], and which are visible
        [K]."""
        local = (points - shot.camera.translation) @ shot.camera.rotation
        places = self.model.project(local)
        x, y = np.rint(places).astype(int).T
        inside = (x > 0) & (y > 0) & (x < SIZE[0] - 1) & (y < SIZE[1] - 1)
        farthest = cv2.dilate(shot.exact, np.ones((3, 3)))  # on a rim, not in it
        seen = farthest[np.clip(y, 0, SIZE[1] - 1), np.clip(x, 0, SIZE[0] - 1)]
        return places, inside & (local[:, 2] < seen + 0.004)
