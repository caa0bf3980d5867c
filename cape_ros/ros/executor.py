"""An executor that no message ends, and that many messages do not keep busy."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import rclpy
from rclpy.executors import ExternalShutdownException, MultiThreadedExecutor

from cape_ros.core.errors import CapeError
from cape_ros.core.throttled_log import ThrottledLog

logger = logging.getLogger(__name__)

# [s] from one wait to the next, at least. Each message makes rclpy wait three times, with a list of
# all entities made anew in Python: 500 messages a second took the time of the network's thread.
# One message of a subscription is taken between two waits; TF, of which more come, takes the rest.
PERIOD = 0.004


class NotTaken(CapeError):
    """A message or a request that came, and for which there was no memory, or which is none."""


class Executor(MultiThreadedExecutor):
    """rclpy's, which ends with the process's first message that it cannot make an object of, and
    never takes another one from that subscription. Messages that come together are taken together.

    on_error: counts what was not taken.
    """

    def __init__(self, threads: int, on_error: Callable[[Exception], None]) -> None:
        super().__init__(num_threads=threads)
        self._on_error = on_error
        self._next_wait = 0.0  # [s] by `time.monotonic`
        self._log = ThrottledLog(logger)
        # Others also wake where a publisher ends, or never hear of a message that they cannot read.
        middleware = rclpy.get_rmw_implementation_identifier()
        self._wakes_for_messages_only = middleware.startswith("rmw_fastrtps")

    def _wait_for_ready_callbacks(self, *args: Any, **kwargs: Any) -> Any:
        time.sleep(max(0.0, self._next_wait - time.monotonic()))
        self._next_wait = time.monotonic() + PERIOD
        yield from super()._wait_for_ready_callbacks(*args, **kwargs)

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
        name = getattr(sub, "topic_name", "")
        taken = self._taken(super()._take_subscription, sub, name)
        if taken is None and self._wakes_for_messages_only and not _is_destroyed(sub):
            self._count(name, "its bytes are none of this type")
        return taken or None

    def _take_service(self, srv: Any) -> Any:
        return self._taken(super()._take_service, srv, getattr(srv, "srv_name", "")) or None

    def _taken(self, take: Callable[[Any], Any], entity: Any, name: str) -> Any:
        """What `take` returns; False of what cannot be taken and is counted."""
        try:
            return take(entity)
        except Exception as error:
            if not rclpy.ok():
                raise
            self._count(name, f"{type(error).__name__}: {error}; is memory short?")
            return False

    def _count(self, name: str, reason: str) -> None:
        text = f"a message on {name} cannot be taken: {reason}"
        self._log.log(logging.ERROR, name, text)
        self._on_error(NotTaken(text))


def _is_destroyed(subscription: Any) -> bool:
    try:
        with subscription.handle:
            return False
    except Exception:  # InvalidHandle, which each release of rclpy has in another module
        return True
