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
            partner, earlier = self._take(self._boxes, stamp, tolerance)
            if partner:
                lost = self._forget_images(stamp)
                self._forget_boxes(stamp, earlier)
            else:
                lost = self._wait(self._images, mine)
        self._tell(lost)
        if partner:
            self._on_pair(image, partner.content)

    def add_boxes(self, stamp: int, boxes: Boxes, tolerance: int) -> None:
        with self._lock:
            partner, _ = self._take(self._images, stamp, tolerance)
            lost = 0
            if partner:
                lost = self._forget_images(partner.stamp)
                self._forget_boxes(partner.stamp, len(self._boxes))
            else:
                self._wait(self._boxes, Waiting(stamp, boxes))
        self._tell(lost)
        if partner:
            self._on_pair(partner.content, boxes)

    def clear(self) -> None:
        """Forget what waits; the images count as unpaired."""
        with self._lock:
            lost = len(self._images)
            self._images.clear()
            self._boxes.clear()
        self._tell(lost)

    def jump(self, before: int, stamp: int) -> None:
        """The images' stamps went back from `before` to `stamp`: forget the images that wait, and
        the boxes from before the jump. Boxes may have jumped earlier than their images: those whose
        stamps are closer to the new one stay."""
        with self._lock:
            lost = len(self._images)
            self._images.clear()
            self._boxes = deque(
                boxes
                for boxes in self._boxes
                if abs(boxes.stamp - stamp) < abs(boxes.stamp - before)
            )
        self._tell(lost)

    def _take(
        self, waiting: deque[Waiting[Content]], stamp: int, tolerance: int
    ) -> tuple[Waiting[Content] | None, int]:
        """The closest one in time that is close enough, which then waits no more; and how many of
        those that wait came before it."""
        distances = [abs(other.stamp - stamp) for other in waiting]
        if not distances or min(distances) > tolerance:
            return None, 0
        at = distances.index(min(distances))
        closest = waiting[at]
        del waiting[at]
        return closest, at

    def _wait(self, waiting: deque[Waiting[Content]], newcomer: Waiting[Content]) -> int:
        """Adds a newcomer; returns how many were dropped for it."""
        waiting.append(newcomer)
        if len(waiting) <= self._most:
            return 0
        waiting.popleft()
        return 1

    def _forget_images(self, stamp: int) -> int:
        """Drops images before `stamp`; returns how many."""
        kept = [image for image in self._images if image.stamp >= stamp]
        lost = len(self._images) - len(kept)
        self._images = deque(kept)
        return lost

    def _forget_boxes(self, stamp: int, earlier: int) -> None:
        """Drops boxes before `stamp` among the `earlier` first ones; a later one with an earlier
        stamp is from after a jump of the clock."""
        self._boxes = deque(
            boxes for at, boxes in enumerate(self._boxes) if boxes.stamp >= stamp or at >= earlier
        )

    def _tell(self, lost: int) -> None:
        if lost:
            self._on_unpaired(lost)
