"""rclpy.time: a moment of one clock."""

from __future__ import annotations

from enum import IntEnum
from functools import total_ordering
from typing import Any, overload

from cape_ros.wire.duration import NANOSECONDS, Duration
from cape_ros.wire.interfaces import message


class ClockType(IntEnum):
    ROS_TIME = 1
    SYSTEM_TIME = 2
    STEADY_TIME = 3


@total_ordering
class Time:
    """seconds and nanoseconds add up. Times of different clocks do not compare: TypeError."""

    def __init__(
        self,
        *,
        seconds: float = 0,
        nanoseconds: int = 0,
        clock_type: ClockType = ClockType.SYSTEM_TIME,
    ) -> None:
        self._nanoseconds = int(seconds * NANOSECONDS) + int(nanoseconds)
        self._clock_type = clock_type
        if self._nanoseconds < 0:
            raise ValueError("a time is not negative")

    @property
    def nanoseconds(self) -> int:
        return self._nanoseconds

    @property
    def clock_type(self) -> ClockType:
        return self._clock_type

    def seconds_nanoseconds(self) -> tuple[int, int]:
        return divmod(self._nanoseconds, NANOSECONDS)

    def to_msg(self) -> Any:
        sec, nanosec = self.seconds_nanoseconds()
        return message("builtin_interfaces/msg/Time")(sec=sec, nanosec=nanosec)

    @classmethod
    def from_msg(cls, msg: Any, clock_type: ClockType = ClockType.ROS_TIME) -> Time:
        return cls(seconds=msg.sec, nanoseconds=msg.nanosec, clock_type=clock_type)

    def __repr__(self) -> str:
        return f"Time(nanoseconds={self._nanoseconds}, clock_type={self._clock_type.name})"

    def __add__(self, other: Duration) -> Time:
        if not isinstance(other, Duration):
            return NotImplemented
        return Time(nanoseconds=self._nanoseconds + other.nanoseconds, clock_type=self._clock_type)

    __radd__ = __add__

    @overload
    def __sub__(self, other: Time) -> Duration: ...
    @overload
    def __sub__(self, other: Duration) -> Time: ...
    def __sub__(self, other: Time | Duration) -> Duration | Time:
        if isinstance(other, Duration):
            return self + Duration(nanoseconds=-other.nanoseconds)
        if not isinstance(other, Time):
            return NotImplemented
        self._same_clock(other)
        return Duration(nanoseconds=self._nanoseconds - other._nanoseconds)

    def __hash__(self) -> int:
        return hash((self._nanoseconds, self._clock_type))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Time):
            return NotImplemented
        self._same_clock(other)
        return self._nanoseconds == other._nanoseconds

    def __lt__(self, other: Time) -> bool:
        if not isinstance(other, Time):
            return NotImplemented
        self._same_clock(other)
        return self._nanoseconds < other._nanoseconds

    def _same_clock(self, other: Time) -> None:
        if self._clock_type != other._clock_type:
            raise TypeError("times of different clocks do not compare")
