"""The debug overlay: drawn on its own thread, newest result only, and only if somebody looks."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

from rclpy.publisher import Publisher

from cape_ros.perception.overlay import draw
from cape_ros.ros.conversions import to_image
from cape_ros.server import Result

logger = logging.getLogger(__name__)


class OverlayPublisher:
    """Draws results and publishes them as images; `trusted` as for the keypoints."""

    def __init__(self, publisher: Publisher, trusted: float) -> None:
        self.trusted = trusted
        self._publisher = publisher
        self._artist = ThreadPoolExecutor(1, "overlay")
        self._lock = threading.Lock()
        self._newest: Result | None = None

    def offer(self, result: Result) -> None:
        """Return at once; a result that still waits is replaced."""
        if not self._publisher.get_subscription_count():
            return
        with self._lock:
            waiting = self._newest is not None
            self._newest = result
        if not waiting:
            self._artist.submit(self._publish)

    def close(self) -> None:
        self._artist.shutdown(cancel_futures=True)

    def _publish(self) -> None:
        with self._lock:
            result, self._newest = self._newest, None
        if result is None:
            return
        try:
            drawn = draw(result.frame.image, result.objects, result.categories, self.trusted)
            self._publisher.publish(to_image(drawn, result.frame.header))
        except Exception:  # nobody asks this thread how it went
            logger.exception("no overlay")
