"""Pairs images with boxes by their stamps; non-blocking."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

Image = TypeVar("Image")
Boxes = TypeVar("Boxes")
Content = TypeVar("Content")


@dataclass(frozen=True)
class Waiting(Generic[Image]):
    stamp: int  # [ns]
    content: Image


class Pairing(Generic[Image, Boxes]):
    """Hands each pair to `on_pair`, on the thread that brings its second half.

    Images wait for boxes and boxes for images, at most `most` of each: one more, and the oldest
    goes. What is older than a pair will find none any more. on_unpaired: called with how many
    images went without boxes.
    """

    def __init__(
        self,
        most: int,
        on_pair: Callable[[Image, Boxes], object],
        on_unpaired: Callable[[int], object],
    ) -> None:
        self._images: deque[Waiting[Image]] = deque()
        self._boxes: deque[Waiting[Boxes]] = deque()
        self._most = most
        self._on_pair = on_pair
        self._on_unpaired = on_unpaired
        self._lock = threading.Lock()

    def add_image(self, stamp: int, image: Image, tolerance: int) -> None:
        """stamp, tolerance: in nanoseconds."""
        with self._lock:
            mine = Waiting(stamp, image)
            partner = self._take(self._boxes, stamp, tolerance)
            lost = self._forget_before(stamp) if partner else self._wait(self._images, mine)
        self._tell(lost)
        if partner:
            self._on_pair(image, partner.content)

    def add_boxes(self, stamp: int, boxes: Boxes, tolerance: int) -> None:
        with self._lock:
            partner = self._take(self._images, stamp, tolerance)
            if partner is None:
                self._wait(self._boxes, Waiting(stamp, boxes))
            lost = self._forget_before(partner.stamp) if partner else 0
        self._tell(lost)
        if partner:
            self._on_pair(partner.content, boxes)

    def clear(self) -> None:
        """Forget what waits, as when the clock has jumped; the images count as unpaired."""
        with self._lock:
            lost = len(self._images)
            self._images.clear()
            self._boxes.clear()
        self._tell(lost)

    def _take(
        self, waiting: deque[Waiting[Content]], stamp: int, tolerance: int
    ) -> Waiting[Content] | None:
        """The closest one in time that is close enough, which then waits no more."""
        closest = min(waiting, key=lambda other: abs(other.stamp - stamp), default=None)
        if closest is None or abs(closest.stamp - stamp) > tolerance:
            return None
        waiting.remove(closest)
        return closest

    def _wait(self, waiting: deque[Waiting[Content]], newcomer: Waiting[Content]) -> int:
        """Adds a newcomer; returns how many were dropped for it."""
        waiting.append(newcomer)
        if len(waiting) <= self._most:
            return 0
        waiting.popleft()
        return 1

    def _forget_before(self, stamp: int) -> int:
        """Drops images before `stamp`; returns how many."""
        kept = [image for image in self._images if image.stamp >= stamp]
        lost = len(self._images) - len(kept)
        self._images = deque(kept)
        self._boxes = deque(boxes for boxes in self._boxes if boxes.stamp >= stamp)
        return lost

    def _tell(self, lost: int) -> None:
        if lost:
            self._on_unpaired(lost)
