"""rclpy.clock: ROS time here is always the time of the system; /clock is not heard."""

from __future__ import annotations

import time

from cape_ros.wire.time import ClockType, Time

__all__ = ["Clock", "ClockType"]


class Clock:
    def __init__(self, *, clock_type: ClockType = ClockType.SYSTEM_TIME) -> None:
        self.clock_type = clock_type

    def now(self) -> Time:
        read = time.monotonic_ns if self.clock_type == ClockType.STEADY_TIME else time.time_ns
        return Time(nanoseconds=read(), clock_type=self.clock_type)
