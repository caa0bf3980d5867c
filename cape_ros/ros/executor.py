"""An executor that a message which cannot be taken does not end."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import rclpy
from rclpy.executors import ExternalShutdownException, MultiThreadedExecutor

from cape_ros.core.errors import CapeError
from cape_ros.core.throttled_log import ThrottledLog

logger = logging.getLogger(__name__)


class NotTaken(CapeError):
    """A message or a request that came, and for which there was no memory, or which is none."""


class Executor(MultiThreadedExecutor):
    """rclpy's, which ends with the process's first message that it cannot make an object of, and
    never takes another one from that subscription.

    on_error: counts what was not taken.
    """

    def __init__(self, threads: int, on_error: Callable[[Exception], None]) -> None:
        super().__init__(num_threads=threads)
        self._on_error = on_error
        self._log = ThrottledLog(logger)

    def spin_until_shutdown(self) -> None:
        """Goes on after whatever a callback raises; ends with rclpy."""
        while rclpy.ok():
            try:
                self.spin()
            except ExternalShutdownException:
                return
            except Exception as error:
                if rclpy.ok():
                    kind = type(error).__name__
                    self._log.log(logging.ERROR, kind, "a callback failed; the node goes on", error)

    def _take_subscription(self, sub: Any) -> Any:
        return self._taken(super()._take_subscription, sub, getattr(sub, "topic_name", ""))

    def _take_service(self, srv: Any) -> Any:
        return self._taken(super()._take_service, srv, getattr(srv, "srv_name", ""))

    def _taken(self, take: Callable[[Any], Any], entity: Any, name: str) -> Any:
        """What `take` returns; None of what cannot be taken."""
        try:
            return take(entity)
        except Exception as error:
            if not rclpy.ok():
                raise
            text = f"a message on {name} cannot be taken: {type(error).__name__}: {error}"
            self._log.log(logging.ERROR, name, f"{text}; is memory short?")
            self._on_error(NotTaken(text))
            return None
