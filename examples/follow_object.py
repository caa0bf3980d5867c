#!/usr/bin/env python3
"""A target for a controller that follows a moving object: where it is now, not where it was seen.

docs/how-to/follow-object.md has the topics and the parameters.
"""

from __future__ import annotations

import signal
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import rclpy
from constant_velocity import Motion
from geometry_msgs.msg import (
    Point,
    PoseStamped,
    PoseWithCovariance,
    Quaternion,
    TwistStamped,
    Vector3,
)
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.clock import Clock, ClockType
from rclpy.exceptions import ParameterException
from rclpy.node import Node
from std_msgs.msg import Header

from cape_ros.msg import ObjectFrame, ObjectKeypoints3D, ObjectKeypoints3DArray

Track = tuple[int, int]  # version of the category, track_id
STEADY = Clock(clock_type=ClockType.STEADY_TIME)  # simulated time may stand still
LEAST_VARIANCE = 1e-6  # [m^2] of a measured position


class NoTarget(Exception):
    """Why there is none now; later there may be one."""


@dataclass
class Target:
    track: Track
    frame_id: str  # of the position
    motion: Motion
    orientation: Quaternion


class FollowObject(Node):
    """Raises ValueError for a parameter that cannot be used."""

    def __init__(self) -> None:
        super().__init__("follow_object")
        self._category = self._option("category", "", "The object to follow.")
        self._frame = self._option("frame", "", "One of its frames; empty is the object's own.")
        rate = self._option("rate", 50.0, "[Hz] of the target.")
        self._acceleration = self._option(
            "acceleration", 0.2, "[m/s in a second] standard deviation of the velocity's change."
        )
        self._longest_step = self._option("longest_extrapolation", 0.5, "[s] then it holds still.")
        self._lost_after = self._option("lost_after", 1.0, "[s] without a pose of the object.")
        if not self._category:
            raise ValueError("give the parameter category")
        if not (0 < rate <= 1000 and self._acceleration > 0):
            raise ValueError("rate is above 0 and at most 1000, acceleration above 0")
        if not (self._longest_step >= 0 and self._lost_after > 0):
            raise ValueError("longest_extrapolation is not negative, lost_after above 0")
        self._target: Target | None = None
        self._pose = self.create_publisher(PoseStamped, "~/target", 10)
        self._velocity = self.create_publisher(TwistStamped, "~/velocity", 10)
        results = self.create_subscription(
            ObjectKeypoints3DArray, "cape/keypoints_3d", self._on_keypoints, 10
        )
        self._reason = f"no result has come on {results.topic_name}"
        self.create_timer(1 / rate, self._publish)
        self.create_timer(1.0, self._report, clock=STEADY)  # without it spinning may miss a signal

    def _option(self, name: str, default: Any, description: str) -> Any:
        descriptor = ParameterDescriptor(description=description, read_only=True)
        return self.declare_parameter(name, default, descriptor).value

    def _on_keypoints(self, message: ObjectKeypoints3DArray) -> None:
        seconds = message.header.stamp.sec + message.header.stamp.nanosec / 1e9
        frame_id, target = message.header.frame_id, self._target
        if target and (seconds < target.motion.seconds or frame_id != target.frame_id):
            self.get_logger().warning(
                "stamps jump back, or the frame changes: begins anew", throttle_duration_sec=5.0
            )
            target = self._target = None
        if target and seconds - target.motion.seconds > self._lost_after:
            target = None  # published no more, unless the clock is late
        try:
            track, pose = self._choose(message.objects, target and target.track)
            position, variance = measured(pose)
        except NoTarget as reason:
            self._reason = str(reason)
            return
        self._reason = ""
        if target:
            target.motion.update(seconds, position, variance, self._acceleration)
            target.orientation = pose.pose.orientation
            return
        self.get_logger().info(f"follows {self._category} {track[-1]}")
        motion = Motion(seconds, position, variance)
        self._target = Target(track, frame_id, motion, pose.pose.orientation)

    def _choose(
        self, objects: list[ObjectKeypoints3D], followed: Track | None
    ) -> tuple[Track, PoseWithCovariance]:
        """The pose of the followed track, or else of the best object. Raises `NoTarget`."""
        found = [
            ((one.category_version, one.track_id), self._part(one))
            for one in sorted(objects, key=lambda one: one.score, reverse=True)
            if one.category == self._category and one.track_id >= 0 and not one.predicted
        ]
        if followed:
            found = [(track, part) for track, part in found if track == followed]
        for track, part in found:
            if not part.refusal:
                return track, part.pose
        if found:
            raise NoTarget(found[0][1].refusal)
        raise NoTarget(f"no tracked {self._category} in the image")

    def _part(self, one: ObjectKeypoints3D) -> ObjectKeypoints3D | ObjectFrame:
        """What has the `pose` and the `refusal`."""
        if not self._frame:
            return one
        known = {frame.name: frame for frame in one.frames}
        unknown = f"{self._category} has no frame {self._frame!r} (known: {', '.join(known)})"
        return known.get(self._frame, ObjectFrame(refusal=unknown))

    def _publish(self) -> None:
        now = self.get_clock().now()
        seconds = now.nanoseconds / 1e9
        try:
            target = self._current(seconds)
        except NoTarget:
            return
        age = seconds - target.motion.seconds
        position = target.motion.after(min(max(age, 0.0), self._longest_step))
        velocity = target.motion.velocity if age <= self._longest_step else np.zeros(3)
        header = Header(stamp=now.to_msg(), frame_id=target.frame_id)
        pose = PoseStamped(header=header)
        pose.pose.position = Point(**named(position))
        pose.pose.orientation = target.orientation
        twist = TwistStamped(header=header)
        twist.twist.linear = Vector3(**named(velocity))
        self._pose.publish(pose)
        self._velocity.publish(twist)

    def _report(self) -> None:
        try:
            self._current(self.get_clock().now().nanoseconds / 1e9)
        except NoTarget as reason:
            self._say(str(reason))

    def _current(self, now: float) -> Target:
        """Raises `NoTarget`."""
        if now == 0:
            raise NoTarget("use_sim_time is set, and no /clock comes")
        if self._target is None:
            raise NoTarget(self._reason)
        age = now - self._target.motion.seconds
        if age > self._lost_after:
            raise NoTarget(self._reason or f"the newest result is {age:.1f} s old")
        if age < -self._lost_after:
            raise NoTarget(f"the newest result is {-age:.1f} s ahead of the clock")
        return self._target

    def _say(self, reason: str) -> None:
        self.get_logger().warning(f"no target: {reason}", throttle_duration_sec=5.0)


def measured(pose: PoseWithCovariance) -> tuple[np.ndarray, np.ndarray]:
    """[3] the position, and the variance of each axis. Raises `NoTarget`."""
    place = pose.pose.position
    position = np.array((place.x, place.y, place.z))
    variance = np.maximum(pose.covariance.reshape(6, 6).diagonal()[:3], LEAST_VARIANCE)
    if not np.isfinite((position, variance)).all():
        raise NoTarget("its pose is not finite")
    return position, variance


def named(values: np.ndarray) -> dict[str, float]:
    return dict(zip("xyz", values.tolist(), strict=True))


def main() -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # rclpy ends spinning; nothing else has to
    rclpy.init()
    try:
        rclpy.spin(FollowObject())
    except (ValueError, ParameterException) as error:
        print(f"follow_object: {error}", file=sys.stderr)
        return 1
    except Exception:  # rclpy has several for a context that a Ctrl-C ended
        if rclpy.ok():
            raise
    finally:
        rclpy.try_shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
