#!/usr/bin/env python3
"""Where a two-finger gripper takes hold: two keypoints of an object become a grasp.

In pixels always; in metres too, once `depth` (aligned to the image) and `camera_info` arrive.
docs/tutorials/grasp.md has the topics and the parameters.
"""

from __future__ import annotations

import signal
import sys
from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np
import rclpy
from geometry_msgs.msg import PoseStamped, Vector3Stamped
from grasp_geometry import Grasp, NoGrasp, finger_pixels, grasp_between, to_metres
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.clock import Clock, ClockType
from rclpy.exceptions import ParameterException
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image

from cape_ros.msg import KeypointArray

DEPTHS_KEPT = 32  # a second: keypoints come later than the depth of the same moment
STEADY = Clock(clock_type=ClockType.STEADY_TIME)  # simulated time may stand still


def nanoseconds(header: Any) -> int:
    return header.stamp.sec * 10**9 + header.stamp.nanosec


class GraspPoint(Node):
    """Raises ValueError for a parameter that cannot be used."""

    def __init__(self) -> None:
        super().__init__("grasp_point")
        self._category = self._option("category", "", "The object to grasp.")
        self._fingers = [
            self._option("first_finger", "", "Keypoint at which the first finger touches."),
            self._option("second_finger", "", "Keypoint at which the other finger touches."),
        ]
        self._least_score = self._option("least_score", 0.5, "Of both keypoints, above 0.")
        self._window = self._option("window", 5, "[pixels] side of the square of a depth.")
        self._slop = self._option("slop", 0.02, "[s] from the image to its depth, at most.")
        reliability = self._option("reliability", "best_effort", "Of depth: or reliable.")
        self._rectified = self._option("rectified", False, "Whether the image is rectified.")
        if not (self._category and all(self._fingers)):
            raise ValueError("give the parameters category, first_finger and second_finger")
        if not (0 < self._least_score <= 1 and self._window > 0 and self._slop >= 0):
            raise ValueError("least_score is in (0, 1], window from 1 on, slop not negative")
        if reliability not in ("best_effort", "reliable"):
            raise ValueError("reliability is best_effort or reliable")
        self._info: Any = None
        self._depths: deque[Any] = deque(maxlen=DEPTHS_KEPT)
        self._waiting: tuple[Any, np.ndarray] | None = None  # for depth: header and pixels
        self._flat = [
            self.create_publisher(PoseStamped, "~/pose_2d", 10),
            self.create_publisher(Vector3Stamped, "~/opening_2d", 10),
        ]
        self._metric = [
            self.create_publisher(PoseStamped, "~/pose", 10),
            self.create_publisher(Vector3Stamped, "~/opening", 10),
        ]
        sensor = QoSProfile(depth=5, reliability=ReliabilityPolicy[reliability.upper()])
        self.create_subscription(KeypointArray, "cape/keypoints", self._on_keypoints, 10)
        self.create_subscription(CameraInfo, "camera_info", self._on_info, sensor)
        self.create_subscription(Image, "depth", self._on_depth, sensor)

    def _option(self, name: str, default: Any, description: str) -> Any:
        descriptor = ParameterDescriptor(description=description, read_only=True)
        return self.declare_parameter(name, default, descriptor).value

    def _on_info(self, message: CameraInfo) -> None:
        self._info = message

    def _on_depth(self, message: Image) -> None:
        self._depths.append(message)
        self._measure()

    def _on_keypoints(self, message: KeypointArray) -> None:
        if self._waiting and self._depths:
            self._say("no depth image of its moment has come")
        self._waiting = None
        try:
            pixels = finger_pixels(
                message.objects, self._category, self._fingers, self._least_score
            )
            grasp = grasp_between(np.hstack((pixels, np.zeros((2, 1)))))
        except NoGrasp as reason:
            self._say(str(reason))
            return
        self._publish(self._flat, grasp, message.header)
        self._waiting = (message.header, pixels)
        self._measure()

    def _measure(self) -> None:
        """Publish the grasp in metres, as soon as there is depth of its moment."""
        if not (self._waiting and self._depths):
            return
        header, pixels = self._waiting
        moment = nanoseconds(header)
        depth = min(self._depths, key=lambda image: abs(nanoseconds(image.header) - moment))
        if abs(nanoseconds(depth.header) - moment) > self._slop * 1e9:
            return
        self._waiting = None
        try:
            if self._info is None:
                raise NoGrasp("no camera_info has come")
            if depth.header.frame_id != header.frame_id:
                raise NoGrasp(f"depth is not aligned: its frame is {depth.header.frame_id!r}")
            fingers = to_metres(pixels, depth, self._info, self._window, self._rectified)
            self._publish(self._metric, grasp_between(fingers), header)
        except NoGrasp as reason:
            self._say(f"{reason} (pixels only)")

    def _publish(self, publishers: Sequence[Any], grasp: Grasp, header: Any) -> None:
        pose, opening = PoseStamped(header=header), Vector3Stamped(header=header)
        for axis, center, reach in zip("xyz", grasp.center, grasp.opening, strict=True):
            setattr(pose.pose.position, axis, float(center))
            setattr(opening.vector, axis, float(reach))
        for axis, value in zip("xyzw", grasp.orientation, strict=True):
            setattr(pose.pose.orientation, axis, value)
        for publisher, message in zip(publishers, (pose, opening), strict=True):
            publisher.publish(message)

    def _say(self, reason: str) -> None:
        self.get_logger().warning(f"no grasp: {reason}", throttle_duration_sec=5.0)


def main() -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # rclpy ends spinning; nothing else has to
    rclpy.init()
    try:
        node = GraspPoint()
        node.create_timer(1.0, lambda: None, clock=STEADY)  # else spinning may miss a signal
        rclpy.spin(node)
    except (ValueError, ParameterException) as error:
        print(f"grasp_point: {error}", file=sys.stderr)
        return 1
    except ExternalShutdownException:
        pass
    finally:
        rclpy.try_shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
