"""A ROS camera node that publishes stamped images of a source at a fixed rate."""

from __future__ import annotations

import threading

from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from rclpy.timer import Timer
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from cape_ros.core.errors import CapeError
from cape_ros.demo.scoreboard import Entry, Scoreboard
from cape_ros.media.sources import Source
from cape_ros.ros.conversions import to_image

TOPIC = "/camera/image_raw"


class CameraNode(Node):
    """Sends one source after another and writes each frame down.

    finished: set after the last frame of a source, or after a failure. failure: what went wrong.
    """

    def __init__(self, scoreboard: Scoreboard) -> None:
        super().__init__("demo_camera")
        self.finished = threading.Event()
        self.failure: CapeError | None = None
        self._scoreboard = scoreboard
        self._publisher = self.create_publisher(Image, TOPIC, qos_profile_sensor_data)
        self._timer: Timer | None = None
        self._source: Source | None = None
        self._scene: str | None = None
        self._running = False

    def show(self, scene: str | None, source: Source) -> None:
        """Send what the source shows while it waits, from now on.

        scene: None = nothing is written down.
        """
        self.stop()
        self._scene, self._source, self._running = scene, source, False
        self.finished.clear()
        self._timer = self.create_timer(1 / source.rate, self._tick)

    def begin(self) -> None:
        """Let the scene begin: its frames count from the next one on."""
        self._running = True

    def stop(self) -> None:
        if self._timer is not None:
            self.destroy_timer(self._timer)
            self._timer = None

    def _tick(self) -> None:
        if self._source is None or self.finished.is_set():
            return
        try:
            frame = self._source.next() if self._running else self._source.waiting()
        except CapeError as error:
            self.failure = error
            frame = None
        if frame is None:
            self.finished.set()
            return
        stamp = self.get_clock().now()
        message = to_image(
            frame.image, Header(stamp=stamp.to_msg(), frame_id="demo_camera_optical_frame")
        )
        # First written down, then sent: the answer may be quicker than the next line.
        if self._scene is not None:
            self._scoreboard.sent(Entry(stamp.nanoseconds, self._scene, frame.index, frame.truths))
        self._publisher.publish(message)
