"""rclpy.task: what will be known later."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class Future:
    """The result of a service call. Callbacks run in the thread that completes it."""

    def __init__(self) -> None:
        self._finished = threading.Event()
        self._lock = threading.Lock()
        self._cancelled = False
        self._result: Any = None
        self._exception: BaseException | None = None
        self._callbacks: list[Callable[[Future], None]] = []

    def done(self) -> bool:
        return self._finished.is_set()

    def cancelled(self) -> bool:
        return self._cancelled

    def cancel(self) -> None:
        if not self.done():
            self._cancelled = True
            self._complete()

    def result(self) -> Any:
        """The result, None if there is none yet. Raises what was set as exception."""
        if self._exception is not None:
            raise self._exception
        return self._result

    def exception(self) -> BaseException | None:
        return self._exception

    def set_result(self, result: Any) -> None:
        self._result = result
        self._complete()

    def set_exception(self, exception: BaseException) -> None:
        self._exception = exception
        self._complete()

    def add_done_callback(self, callback: Callable[[Future], None]) -> None:
        with self._lock:
            if not self.done():
                self._callbacks.append(callback)
                return
        callback(self)

    def wait(self, timeout_sec: float | None = None) -> bool:
        """Block until it is done; False if it is not after `timeout_sec`."""
        return self._finished.wait(timeout_sec)

    def _complete(self) -> None:
        with self._lock:
            self._finished.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(self)
