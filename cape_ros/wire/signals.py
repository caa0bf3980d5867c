"""rclpy.signals: SIGINT and SIGTERM end spinning."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)

_previous: dict[int, Any] = {}


def install(stop: Callable[[], None]) -> None:
    """Call `stop` on a signal, then what handled it before: SIGINT still raises
    KeyboardInterrupt. Only the main thread can; in another one this does nothing."""
    if _previous or threading.current_thread() is not threading.main_thread():
        return

    def handle(number: int, frame: FrameType | None) -> None:
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
