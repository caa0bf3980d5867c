#!/usr/bin/env python3
"""Where a gripper takes hold: a named frame of an object, if it is certain enough for a grasp.

docs/tutorials/grasp.md has the topics and the parameters.
"""

from __future__ import annotations

import signal
import sys
from typing import Any

import numpy as np
import rclpy
from geometry_msgs.msg import PoseStamped
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.clock import Clock, ClockType
from rclpy.exceptions import ParameterException
from rclpy.node import Node

from cape_ros.msg import ObjectFrame, ObjectKeypoints3DArray

STEADY = Clock(clock_type=ClockType.STEADY_TIME)  # simulated time may stand still


class NoGrasp(Exception):
    """Why there is none now; later there may be one."""


class GraspPoint(Node):
    """Raises ValueError for a parameter that cannot be used."""

    def __init__(self) -> None:
        super().__init__("grasp_point")
        self._category = self._option("category", "", "The object to grasp.")
        self._frame = self._option("frame", "grasp", "Its frame, as registered; z is the approach.")
        self._deviation = self._option("largest_deviation", 0.01, "[m] of the frame's position.")
        self._distance = self._option("distance", 0.1, "[m] before the grasp, along its z.")
        if not (self._category and self._frame):
            raise ValueError("give the parameters category and frame")
        if not (self._deviation > 0 and self._distance >= 0):
            raise ValueError("largest_deviation is positive, distance not negative")
        self._grasp = self.create_publisher(PoseStamped, "~/pose", 10)
        self._before = self.create_publisher(PoseStamped, "~/before", 10)
        self.create_subscription(
            ObjectKeypoints3DArray, "cape/keypoints_3d", self._on_keypoints, 10
        )

    def _option(self, name: str, default: Any, description: str) -> Any:
        descriptor = ParameterDescriptor(description=description, read_only=True)
        return self.declare_parameter(name, default, descriptor).value

    def _on_keypoints(self, message: ObjectKeypoints3DArray) -> None:
        try:
            pose = self._usable(message).pose.pose
        except NoGrasp as reason:
            self._say(str(reason))
            return
        before = PoseStamped(header=message.header)
        before.pose.orientation = pose.orientation
        for axis, step in zip("xyz", self._distance * approach(pose.orientation), strict=True):
            setattr(before.pose.position, axis, getattr(pose.position, axis) - float(step))
        self._before.publish(before)
        self._grasp.publish(PoseStamped(header=message.header, pose=pose))

    def _usable(self, message: ObjectKeypoints3DArray) -> ObjectFrame:
        """The frame of the best object. Raises `NoGrasp`."""
        found = [
            one for one in message.objects if one.category == self._category and not one.predicted
        ]
        if not found:
            raise NoGrasp(f"no {self._category} in the image")
        best = max(found, key=lambda one: one.score)
        frames = {frame.name: frame for frame in best.frames}
        if self._frame not in frames:
            known = ", ".join(frames) or "none"
            raise NoGrasp(f"{self._category} has no frame {self._frame!r} (known: {known})")
        frame = frames[self._frame]
        if frame.refusal:
            raise NoGrasp(f"{self._frame}: {frame.refusal}")
        covariance = frame.pose.covariance.reshape(6, 6)
        deviation = float(np.sqrt(np.linalg.eigvalsh(covariance[:3, :3]).max()))
        if not deviation <= self._deviation:
            raise NoGrasp(f"{self._frame} is known to {1e3 * deviation:.0f} mm only")
        return frame

    def _say(self, reason: str) -> None:
        self.get_logger().warning(f"no grasp: {reason}", throttle_duration_sec=5.0)


def approach(orientation: Any) -> np.ndarray:
    """[3] the z axis of an orientation."""
    x, y, z, w = orientation.x, orientation.y, orientation.z, orientation.w
    return np.array((2 * (x * z + y * w), 2 * (y * z - x * w), 1 - 2 * (x * x + y * y)))


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
    except Exception:  # rclpy has several for a context that a Ctrl-C ended
        if rclpy.ok():
            raise
    finally:
        rclpy.try_shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
