"""rclpy.signals: SIGINT and SIGTERM end spinning."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)

REPEATED = 1.0  # [s] `ros2 launch` and the terminal both send a Ctrl-C: so long it is the same one

_previous: dict[int, Any] = {}


def install(stop: Callable[[], None]) -> None:
    """Call `stop` on a signal, then what handled it before: SIGINT still raises
    KeyboardInterrupt, though not twice within a second. Only the main thread can; in another one
    this does nothing."""
    if _previous or threading.current_thread() is not threading.main_thread():
        return
    seen: dict[int, float] = {}

    def handle(number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if now - seen.get(number, float("-inf")) < REPEATED:
            return
        seen[number] = now
        stop()
        previous = _previous.get(number)
        if callable(previous):
            previous(number, frame)

    for number in SIGNALS:
        _previous[number] = signal.signal(number, handle)


def uninstall() -> None:
    if threading.current_thread() is threading.main_thread():
        for number, previous in _previous.items():
            signal.signal(number, previous)
        _previous.clear()
