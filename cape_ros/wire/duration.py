"""rclpy.duration: a length of time."""

from __future__ import annotations

from functools import total_ordering
from typing import Any

from cape_ros.wire.interfaces import message

NANOSECONDS = 1_000_000_000  # a second


@total_ordering
class Duration:
    """seconds and nanoseconds add up."""

    def __init__(self, *, seconds: float = 0, nanoseconds: int = 0) -> None:
        self._nanoseconds = int(seconds * NANOSECONDS) + int(nanoseconds)

    @property
    def nanoseconds(self) -> int:
        return self._nanoseconds

    def to_msg(self) -> Any:
        sec, nanosec = divmod(self.nanoseconds, NANOSECONDS)
        return message("builtin_interfaces/msg/Duration")(sec=sec, nanosec=nanosec)

    @classmethod
    def from_msg(cls, msg: Any) -> Duration:
        return cls(seconds=msg.sec, nanoseconds=msg.nanosec)

    def __repr__(self) -> str:
        return f"Duration(nanoseconds={self.nanoseconds})"

    def __hash__(self) -> int:
        return hash(self.nanoseconds)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Duration) and self.nanoseconds == other.nanoseconds

    def __lt__(self, other: Duration) -> bool:
        if not isinstance(other, Duration):
            return NotImplemented
        return self.nanoseconds < other.nanoseconds
