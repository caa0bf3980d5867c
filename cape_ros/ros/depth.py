"""The depth images of one camera: the one of an image's moment, on the image's pixels."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from cape_ros.core.errors import CapeError
from cape_ros.messages.camera_info import CameraInfoReader
from cape_ros.perception.spatial import Alignment, CameraModel, Pose
from cape_ros.ros.meters import nanoseconds

KEPT = 16  # depth images at least: as many as images that a registration may name by their stamps
SECONDS = 3.0  # and those of so long, for the network takes its time
BYTES = 64 * 2**20  # but no more of them than this


@dataclass(frozen=True, eq=False)
class _Kept:
    """A message, its stamp in nanoseconds, and when it came by `time.monotonic`."""

    message: Any
    stamp: int
    came: float


class DepthInput:
    """Keeps the last messages, not copies; `find` and `alignment` may be called on any thread.

    topic: its full name once the camera listens. info: the depth camera's own CameraInfo, if it has
    one. on_arrival: called with each message that came.
    """

    def __init__(self) -> None:
        self.topic = ""
        self.info: Any = None
        self.on_arrival: Callable[[], object] = lambda: None
        self._lock = threading.Lock()
        self._kept: deque[_Kept] = deque()
        self._bytes = 0  # of those kept
        self._aligning = threading.Lock()  # of the reader and the alignment
        self._reader = CameraInfoReader()
        self._alignment: Alignment | None = None

    def add(self, message: Any) -> None:
        kept = _Kept(message, nanoseconds(message.header.stamp), time.monotonic())
        with self._lock:
            self._kept.append(kept)
            self._bytes += len(message.data)
            while len(self._kept) > KEPT and (
                self._bytes > BYTES or kept.came - self._kept[0].came > SECONDS
            ):
                self._bytes -= len(self._kept.popleft().message.data)
        self.on_arrival()

    def find(self, stamp: int, tolerance: int) -> Any:
        """The message nearest to a stamp; None if none is near enough. All in nanoseconds."""
        with self._lock:
            nearest = min(self._kept, key=lambda one: abs(one.stamp - stamp), default=None)
        if nearest is None or abs(nearest.stamp - stamp) > tolerance:
            return None
        return nearest.message

    def has_passed(self, stamp: int, tolerance: int) -> bool:
        """Whether the newest message is from later: none of that stamp will come any more."""
        with self._lock:
            return bool(self._kept) and self._kept[-1].stamp > stamp + tolerance

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
        place = None if same else find(image.frame_id, other)
        rotation = np.eye(3) if place is None else place.rotation
        translation = np.zeros(3) if place is None else place.translation
        with self._aligning:
            # Depth comes rectified, and then it has no distortion; K holds in both cases.
            model = self._reader.model(self.info, False, own)
            if model is None:
                raise CapeError(f"depth: {self._reader.fault}")
            known = self._alignment
            if known is None or not (
                (known.depth is model and known.colour is colour)
                and (known.depth_size, known.colour_size) == (own, size)
                and np.array_equal(known.rotation, rotation)
                and np.array_equal(known.translation, translation)
            ):
                known = self._alignment = Alignment(model, colour, rotation, translation, own, size)
            return known
