"""rclpy.clock: the time of the system, or what /clock says."""

from __future__ import annotations

import time

from cape_ros.wire.time import ClockType, Time

__all__ = ["Clock", "ClockType", "ROSClock"]


class Clock:
    def __init__(self, *, clock_type: ClockType = ClockType.SYSTEM_TIME) -> None:
        self._clock_type = ClockType(clock_type)

    @property
    def clock_type(self) -> ClockType:
        return self._clock_type

    def now(self) -> Time:
        read = time.monotonic_ns if self.clock_type == ClockType.STEADY_TIME else time.time_ns
        return Time(nanoseconds=read(), clock_type=self.clock_type)

    def ticks(self) -> int:
        """[ns] For timers: goes on evenly, whatever is done to the system's time."""
        return time.monotonic_ns()

    @property
    def epoch(self) -> int:
        """Changes when what `ticks` said before does not compare with what it says now."""
        return 0


class ROSClock(Clock):
    """The clock of a node: the system's, or a simulation's while that is active."""

    def __init__(self) -> None:
        super().__init__(clock_type=ClockType.ROS_TIME)
        self._is_active = False
        self._simulated = Time(clock_type=ClockType.ROS_TIME)  # zero until /clock was heard
        self._epoch = 0

    @property
    def ros_time_is_active(self) -> bool:
        return self._is_active

    def now(self) -> Time:
        return self._simulated if self._is_active else super().now()

    def ticks(self) -> int:
        return self._simulated.nanoseconds if self._is_active else super().ticks()

    @property
    def epoch(self) -> int:
        return self._epoch

    def set_ros_time_override(self, time: Time) -> None:
        """What `now` says while simulated time is active."""
        before, self._simulated = self._simulated, time
        if self._is_active and time < before:
            self._epoch += 1

    def set_ros_time_is_active(self, is_active: bool) -> None:
        """Go over to simulated time, or back."""
        if is_active != self._is_active:
            self._is_active = is_active
            self._epoch += 1
