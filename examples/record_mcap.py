#!/usr/bin/env python3
"""Record keypoints and categories, and images if asked to, in MCAP files.

Each file can be read by itself: it begins with the categories known by then.
docs/how-to/record-mcap.md has the topics and the parameters.
"""

from __future__ import annotations

import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any

import rclpy
from mcap_recording import MEGABYTE, Recording, Topic
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.clock import Clock, ClockType
from rclpy.exceptions import ParameterException
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from cape_ros.bag.types import message_types
from cape_ros.msg import CategoryArray, KeypointArray

STEADY = Clock(clock_type=ClockType.STEADY_TIME)  # simulated time may stand still


class RecordMcap(Node):
    """Raises OSError for a folder, and ValueError for a parameter, that cannot be used."""

    def __init__(self) -> None:
        super().__init__("record_mcap")
        folder = self._option("folder", ".", "Where the files go.")
        images = self._option("images", False, "Whether to record the images too.")
        most = self._option("file_megabytes", 500, "Size from which the next file begins.")
        least = self._option("free_megabytes", 1000, "Room that is left on the disk.")
        reliability = self._option("reliability", "best_effort", "Of the images: or reliable.")
        if not (most > 0 and least >= 0):
            raise ValueError("file_megabytes is above 0, free_megabytes not negative")
        if reliability not in ("best_effort", "reliable"):
            raise ValueError("reliability is best_effort or reliable")
        self._recording = Recording(Path(folder).expanduser(), most * MEGABYTE, least * MEGABYTE)
        self._stopped = False
        self._messages = message_types()
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._listen(KeypointArray, "cape/keypoints", QoSProfile(depth=100))
        self._listen(CategoryArray, "cape/categories", latched, latched=True)
        if images:
            camera = QoSProfile(depth=10, reliability=ReliabilityPolicy[reliability.upper()])
            self._listen(Image, "image", camera)

    def close(self) -> None:
        """Complete the file. The node stays."""
        try:
            self._recording.close()
        except OSError as error:
            self.get_logger().error(f"the end of the recording is missing: {error}")
        self.get_logger().info(
            f"recorded {self._recording.messages} messages in {self._recording.folder.resolve()}"
        )

    def _option(self, name: str, default: Any, description: str) -> Any:
        descriptor = ParameterDescriptor(description=description, read_only=True)
        return self.declare_parameter(name, default, descriptor).value

    def _listen(self, cls: Any, name: str, qos: QoSProfile, latched: bool = False) -> None:
        kind = f"{cls.__module__.partition('.')[0]}/msg/{cls.__name__}"
        definition, _ = self._messages.generate_msgdef(kind, ros_version=2)
        topic = Topic(self.resolve_topic_name(name), kind, definition, latched)
        # raw: what was sent goes into the file, nothing is read or written anew.
        self.create_subscription(cls, name, partial(self._record, topic), qos, raw=True)

    def _record(self, topic: Topic, octets: bytes) -> None:
        try:
            self._recording.write(topic, octets, self.get_clock().now().nanoseconds)
        except OSError as error:
            if not self._stopped:
                self.get_logger().error(f"recording stops until there is room: {error}")
            self._stopped = True
            return
        if self._stopped:
            self.get_logger().info("there is room: recording goes on in a new file")
        self._stopped = False


def main() -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # rclpy ends spinning; nothing breaks off the end
    node = None
    rclpy.init()
    try:
        node = RecordMcap()
        node.create_timer(1.0, lambda: None, clock=STEADY)  # else spinning may miss a signal
        rclpy.spin(node)
    except (ValueError, OSError, ParameterException) as error:
        print(f"record_mcap: {error}", file=sys.stderr)
        return 1
    except Exception:  # rclpy has several for a context that a Ctrl-C ended
        if rclpy.ok():
            raise
    finally:
        if node is not None:
            node.close()
        rclpy.try_shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
