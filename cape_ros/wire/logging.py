"""rclpy.logging: to the terminal, and to /rosout for the loggers of nodes."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from types import FrameType
from typing import Any


class LoggingSeverity(IntEnum):
    UNSET = 0
    DEBUG = 10
    INFO = 20
    WARN = 30
    ERROR = 40
    FATAL = 50


@dataclass(frozen=True)
class Record:
    """What was said, when [ns], by whom, and in which line of code."""

    severity: LoggingSeverity
    nanoseconds: int
    logger: str
    text: str
    file: str
    function: str
    line: int


_levels: dict[str, LoggingSeverity] = {"": LoggingSeverity.INFO}
_sinks: dict[str, Callable[[Record], None]] = {}  # where the records of a node's loggers go also


def set_logger_level(name: str, level: int) -> None:
    """name: "" for all loggers that have no level of their own."""
    _levels[name] = LoggingSeverity(level)


def add_sink(name: str, sink: Callable[[Record], None]) -> None:
    _sinks[name] = sink


def remove_sink(name: str) -> None:
    _sinks.pop(name, None)


def _nearest(name: str, table: dict[str, Any]) -> Any:
    """The entry of a logger, else of its parent, and so on; None if no one has any."""
    while name not in table and name:
        name = name.rpartition(".")[0]
    return table.get(name)


class Logger:
    """once, skip_first and throttle_duration_sec go by the line of code that logs."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._said: dict[tuple[str, int], float] = {}

    def get_child(self, name: str) -> Logger:
        return get_logger(f"{self.name}.{name}" if self.name else name)

    def set_level(self, level: int) -> None:
        set_logger_level(self.name, level)

    def get_effective_level(self) -> LoggingSeverity:
        return _nearest(self.name, _levels)

    def is_enabled_for(self, severity: int) -> bool:
        return severity >= self.get_effective_level()

    def debug(self, message: str, **filters: Any) -> bool:
        return self._log(LoggingSeverity.DEBUG, message, sys._getframe(1), **filters)

    def info(self, message: str, **filters: Any) -> bool:
        return self._log(LoggingSeverity.INFO, message, sys._getframe(1), **filters)

    def warning(self, message: str, **filters: Any) -> bool:
        return self._log(LoggingSeverity.WARN, message, sys._getframe(1), **filters)

    warn = warning

    def error(self, message: str, **filters: Any) -> bool:
        return self._log(LoggingSeverity.ERROR, message, sys._getframe(1), **filters)

    def fatal(self, message: str, **filters: Any) -> bool:
        return self._log(LoggingSeverity.FATAL, message, sys._getframe(1), **filters)

    def log(self, message: str, severity: int, **filters: Any) -> bool:
        return self._log(LoggingSeverity(severity), message, sys._getframe(1), **filters)

    def _log(
        self,
        severity: LoggingSeverity,
        message: str,
        caller: FrameType,
        *,
        once: bool = False,
        skip_first: bool = False,
        throttle_duration_sec: float | None = None,
    ) -> bool:
        """Whether it was said."""
        if not self.is_enabled_for(severity):
            return False
        if once or skip_first or throttle_duration_sec is not None:
            place, now = (caller.f_code.co_filename, caller.f_lineno), time.monotonic()
            before = self._said.get(place)
            if before is None and skip_first:
                self._said[place] = float("-inf")
                return False
            if before is not None and (once or now - before < (throttle_duration_sec or 0)):
                return False
            self._said[place] = now
        record = Record(
            severity,
            time.time_ns(),
            self.name,
            str(message),
            caller.f_code.co_filename,
            caller.f_code.co_name,
            caller.f_lineno,
        )
        stamp = f"{record.nanoseconds // 10**9}.{record.nanoseconds % 10**9:09d}"
        with contextlib.suppress(OSError, ValueError):  # nobody reads the terminal any more
            sys.stderr.write(f"[{severity.name}] [{stamp}] [{self.name}]: {record.text}\n")
            sys.stderr.flush()
        if sink := _nearest(self.name, _sinks):
            sink(record)
        return True


_loggers: dict[str, Logger] = {}


def get_logger(name: str) -> Logger:
    return _loggers.setdefault(name, Logger(name))
