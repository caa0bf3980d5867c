"""What is known of an image in space: its camera, its depth, and where the camera is."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from threading import Condition
from typing import Any

from rclpy.node import Node

from cape_ros.core.errors import CapeError
from cape_ros.messages.depth import to_depth
from cape_ros.perception.space import Sight
from cape_ros.perception.spatial import Alignment, CameraModel, DepthImage, Pose
from cape_ros.perception.spatial.transforms import NoTransform
from cape_ros.ros.camera import Camera
from cape_ros.ros.meters import NANOSECONDS, nanoseconds
from cape_ros.ros.transforms import TransformListener

RETRY = 0.01  # [s] between two questions for a transform that may come yet


class SightReader:
    """Of the images of one camera."""

    def __init__(self, node: Node, camera: Camera, transforms: TransformListener) -> None:
        self._node = node
        self._camera = camera
        self._transforms = transforms

    @property
    def has_depth(self) -> bool:
        """Whether a depth camera publishes."""
        return bool(self._node.count_publishers(self._camera.depth.topic))

    def read(
        self,
        header: Any,
        size: tuple[int, int],
        until: float,
        arrived: Condition,
        stops: Callable[[], bool],
        target_frame: str = "",
        on_missing: Callable[[], None] = lambda: None,
    ) -> Sight:
        """Waits for depth and TF of an image of that size (width, height).

        until: when it gives up, by `time.monotonic`. arrived: is notified of depth images, and if
        `stops` changes: then it does not wait. Depth that cannot be used is only named.
        target_frame: "" = results stay in the optical frame. on_missing: is called if a depth
        camera publishes, but not for this image. Raises `CapeError` that says what else is missing.
        """
        camera, stamp = self._camera, nanoseconds(header.stamp)
        message = self._message(stamp, until, arrived, stops, on_missing)
        model = camera.model(size)
        if model is None:
            raise CapeError(camera.meter.camera_info_fault or "no camera_info has come")
        find = partial(self._find, stamp=stamp, until=until, stops=stops)
        depth, alignment = self._depth(message, header, size, model, find)
        target = find(target_frame, header.frame_id) if target_frame else None
        return Sight(model, stamp / NANOSECONDS, depth, alignment, target, target_frame)

    def _message(
        self,
        stamp: int,
        until: float,
        arrived: Condition,
        stops: Callable[[], bool],
        on_missing: Callable[[], None],
    ) -> Any:
        """The depth message of an image; None if none comes in time."""
        depth, expected = self._camera.depth, self.has_depth
        tolerance = int(self._camera.get("depth_tolerance") * NANOSECONDS)

        def done() -> bool:
            found = depth.find(stamp, tolerance) is not None
            return found or stops() or depth.has_passed(stamp, tolerance)

        if expected:
            with arrived:
                arrived.wait_for(done, max(0.0, until - time.monotonic()))
        message = depth.find(stamp, tolerance)
        if message is None and expected and not stops():
            on_missing()
        return message

    def _depth(
        self,
        message: Any,
        header: Any,
        size: tuple[int, int],
        model: CameraModel,
        find: Callable[[str, str], Pose],
    ) -> tuple[DepthImage | None, Alignment | None]:
        if message is None:
            return None, None
        try:
            depth = to_depth(message)
            alignment = self._camera.depth.alignment(
                message.header, depth.size, header, size, model, find
            )
        except CapeError as error:
            self._camera.space_fault("depth", str(error))
            return None, None
        self._camera.space_fault("depth", depth.warning())
        return depth, alignment

    def _find(
        self, target: str, source: str, stamp: int, until: float, stops: Callable[[], bool]
    ) -> Pose:
        """Where `source` lies in `target`, which may come while there is time. Raises
        `NoTransform`."""
        while True:
            try:
                return self._transforms.find(target, source, stamp)
            except NoTransform as error:
                if not error.late or stops() or time.monotonic() > until:
                    raise
                time.sleep(RETRY)
