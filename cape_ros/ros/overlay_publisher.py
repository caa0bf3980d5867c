"""The debug overlay: drawn on its own thread, newest result only, and only with subscribers."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from rclpy.publisher import Publisher

from cape_ros.core.throttled_log import ThrottledLog
from cape_ros.perception.category import Category
from cape_ros.perception.drawing.overlay import draw
from cape_ros.perception.drawing.panel import support_panel
from cape_ros.ros.conversions import to_compressed, to_image
from cape_ros.server.server import Result

logger = logging.getLogger(__name__)
MOST_PANELS = 4  # support images beside an overlay


@dataclass(frozen=True)
class Style:
    """trusted: from which score on a keypoint is drawn as one. mode, quality: the parameters."""

    trusted: float
    mode: str = "keypoints"
    quality: int = 80


class OverlayPublisher:
    """Draws results and publishes them as images. style: asked for anew at each one."""

    def __init__(self, raw: Publisher, compressed: Publisher, style: Callable[[], Style]) -> None:
        self.raw = raw
        self.compressed = compressed
        self._style = style
        self._log = ThrottledLog(logger)
        self._artist = ThreadPoolExecutor(1, "overlay")
        self._lock = threading.Lock()
        self._newest: Result | None = None

    def is_watched(self) -> bool:
        return bool(self.raw.get_subscription_count() or self.compressed.get_subscription_count())

    def offer(self, result: Result) -> None:
        """Return at once; a result that still waits is replaced."""
        if self._style().mode == "off" or not self.is_watched():
            return
        with self._lock:
            waiting = self._newest is not None
            self._newest = result
        if not waiting:
            self._artist.submit(self._publish)

    def wait_until_idle(self, timeout: float | None = None) -> bool:
        """Wait until nothing is left to draw; False if that takes longer than `timeout` seconds."""
        return bool(wait([self._artist.submit(lambda: None)], timeout).done)

    def close(self) -> None:
        """Finish what is being drawn, forget what waits. Idempotent."""
        self._artist.shutdown(cancel_futures=True)

    def _publish(self) -> None:
        with self._lock:
            result, self._newest = self._newest, None
        if result is None:
            return
        try:
            style, header = self._style(), result.frame.header
            drawn = draw(result.frame.image, result.objects, result.categories, style.trusted)
            if style.mode == "support":
                names = [one.category for one in result.objects]
                known = [result.categories[n] for n in names if n in result.categories]
                drawn = beside_support(drawn, known)
            if self.raw.get_subscription_count():
                self.raw.publish(to_image(drawn, header))
            if self.compressed.get_subscription_count():
                self.compressed.publish(to_compressed(drawn, header, style.quality))
        except Exception as error:  # its future is never read
            self._log.log(logging.ERROR, "overlay", "no overlay", error)


def beside_support(image: np.ndarray, categories: list[Category]) -> np.ndarray:
    """The image [H, W, 3] with a column of the categories' first support images at its right."""
    shown = list({category.name: category for category in categories}.values())[:MOST_PANELS]
    if not shown:
        return image
    height = image.shape[0]
    side = height // max(2, len(shown))
    column = np.zeros((height, side, 3), np.uint8)
    for index, category in enumerate(shown):
        column[index * side : (index + 1) * side] = cv2.resize(
            _panel(category), (side, side), interpolation=cv2.INTER_AREA
        )
    return np.hstack([image, column])


@lru_cache(maxsize=32)
def _panel(category: Category) -> np.ndarray:
    return support_panel(category)
