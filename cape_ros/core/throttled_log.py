"""Rate-limited log lines for events that may occur with every frame."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

PERIOD = 5.0  # seconds


class ThrottledLog:
    """At most one line per kind and period; the next line says how many were left out.

    There must be only so many kinds.
    """

    def __init__(self, logger: logging.Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._logger = logger
        self._clock = clock
        self._spoke: dict[str, float] = {}
        self._left_out: dict[str, int] = {}

    def log(self, level: int, kind: str, text: str, error: BaseException | None = None) -> None:
        """error: its traceback goes with the line."""
        now = self._clock()
        if kind in self._spoke and now - self._spoke[kind] < PERIOD:
            self._left_out[kind] = self._left_out.get(kind, 0) + 1
            return
        self._spoke[kind] = now
        if count := self._left_out.pop(kind, 0):
            text += f" ({count} more of the kind before this one)"
        self._logger.log(level, "%s", text, exc_info=error)
