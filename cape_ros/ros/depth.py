"""The depth images of one camera: the one of an image's moment, on the image's pixels."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from cape_ros.core.errors import CapeError
from cape_ros.messages.camera_info import CameraInfoReader
from cape_ros.perception.spatial import Alignment, CameraModel, Pose
from cape_ros.ros.meters import nanoseconds

KEPT = 16  # depth images: as many as images that a registration may name by their stamps


class DepthInput:
    """Keeps the last messages, not copies.

    topic: its full name once the camera listens. info: the depth camera's own CameraInfo, if it has
    one. on_arrival: called with each message that came.
    """

    def __init__(self) -> None:
        self.topic = ""
        self.info: Any = None
        self.on_arrival: Callable[[], object] = lambda: None
        self._lock = threading.Lock()
        self._messages: deque[Any] = deque(maxlen=KEPT)
        self._reader = CameraInfoReader()
        self._alignment: Alignment | None = None

    def add(self, message: Any) -> None:
        with self._lock:
            self._messages.append(message)
        self.on_arrival()

    def find(self, stamp: int, tolerance: int) -> Any:
        """The message nearest to a stamp; None if none is near enough. All in nanoseconds."""
        with self._lock:
            away = [abs(nanoseconds(one.header.stamp) - stamp) for one in self._messages]
            if not away or min(away) > tolerance:
                return None
            return self._messages[away.index(min(away))]

    def has_passed(self, stamp: int, tolerance: int) -> bool:
        """Whether the newest message is from later: none of that stamp will come any more."""
        with self._lock:
            newest = self._messages[-1] if self._messages else None
        return newest is not None and nanoseconds(newest.header.stamp) > stamp + tolerance

    def alignment(
        self,
        depth: Any,
        own: tuple[int, int],
        image: Any,
        size: tuple[int, int],
        colour: CameraModel,
        find: Callable[[str, str], Pose],
    ) -> Alignment | None:
        """From a depth image to an image, by the headers and sizes (width, height) of both; None
        if their pixels are the same.

        colour: of the image's camera. find: where the second frame lies in the first. Raises
        `CapeError` that says what is missing.
        """
        other = depth.frame_id
        same = not image.frame_id or other in ("", image.frame_id)
        if same and own == size:
            return None
        if self.info is None:
            what = f"has the frame {other!r}" if not same else f"is {own[0]} x {own[1]} pixels"
            raise CapeError(
                f"depth {what} and no camera_info of its own has come: align it to the image"
            )
        # Depth comes rectified, and then it has no distortion; K holds in both cases.
        model = self._reader.model(self.info, False, own)
        if model is None:
            raise CapeError(f"depth: {self._reader.fault}")
        place = None if same else find(image.frame_id, other)
        rotation = np.eye(3) if place is None else place.rotation
        translation = np.zeros(3) if place is None else place.translation
        known = self._alignment
        if known is None or not (
            (known.depth is model and known.colour is colour)
            and (known.depth_size, known.colour_size) == (own, size)
            and np.array_equal(known.rotation, rotation)
            and np.array_equal(known.translation, translation)
        ):
            known = self._alignment = Alignment(model, colour, rotation, translation, own, size)
        return known
