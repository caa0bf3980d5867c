"""The newest result of each camera, encoded once for all viewers."""

from __future__ import annotations

import asyncio
import json
import struct
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from cape_ros.server.server import Frame, Result, Server
from cape_ros.server.statistics import Statistics
from cape_ros.studio.api.schemas import FoundObject
from cape_ros.studio.image_codec import to_jpeg

MOST_VIEWERS = 16
WIDTHS = (160, 320, 480, 640, 960, 1280, 1920)  # of JPEGs: few, so that viewers share them
RATE_OVER = 32  # results
RATE_WITHIN = 3.0  # [s]
STATISTICS_AGE = 1.0  # [s] the server's figures may have


@dataclass(frozen=True, eq=False)
class CameraView:
    """received: as of the frame. fields: of the header. jpeg: the picture."""

    received: float
    fields: dict[str, Any]
    jpeg: bytes

    def packet(self) -> bytes:
        """Length of the header (uint32, little-endian), the header as JSON, the picture."""
        age = round(1e3 * (time.monotonic() - self.received), 1)
        header = json.dumps({**self.fields, "age_ms": age}, allow_nan=False).encode()
        return struct.pack("<I", len(header)) + header + self.jpeg


@dataclass(eq=False)
class Viewer:
    """A client that watches a camera. fresh: there is a result that was not sent to it."""

    camera: str
    width: int
    fresh: asyncio.Event = field(default_factory=asyncio.Event)


class Broadcast:
    """`offer` is for the model's thread and waits for nothing; the rest is for Studio's.

    stamp: of a frame, in nanoseconds.
    """

    def __init__(self, server: Server, stamp: Callable[[Frame], int]) -> None:
        self.stamp = stamp
        self._server = server
        self._newest: dict[str, Result] = {}
        self._arrivals: dict[str, deque[float]] = {}
        self._viewers: set[Viewer] = set()
        self._left: dict[str, float] = {}  # when the last viewer of a camera went
        self._loop: asyncio.AbstractEventLoop | None = None
        self._artist = ThreadPoolExecutor(1, "studio-jpeg")
        self._views: dict[tuple[str, int], tuple[Result, asyncio.Future[CameraView]]] = {}
        self._statistics: tuple[float, Statistics] | None = None

    def offer(self, result: Result) -> None:
        """Take the newest result of a camera; single assignments, so that no lock is needed."""
        camera = result.frame.camera
        self._newest[camera] = result
        self._arrivals.setdefault(camera, deque(maxlen=RATE_OVER)).append(time.monotonic())
        if self._viewers and self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended meanwhile
                self._loop.call_soon_threadsafe(self._wake, camera)

    def newest(self, camera: str) -> Result | None:
        return self._newest.get(camera)

    def cameras(self) -> Sequence[str]:
        """The cameras that have a result."""
        return list(self._newest)

    def viewers(self, camera: str) -> int:
        return sum(viewer.camera == camera for viewer in list(self._viewers))

    def unwatched(self, camera: str) -> float | None:
        """Seconds since the last viewer left; None = there never was one."""
        if self.viewers(camera):
            return 0.0
        left = self._left.get(camera)
        return None if left is None else time.monotonic() - left

    def rate(self, camera: str) -> float:
        """Results a second, of late."""
        since = time.monotonic() - RATE_WITHIN
        times = [at for at in list(self._arrivals.get(camera, ())) if at > since]
        return (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else 0.0

    def statistics(self) -> Statistics:
        """The server's, which take its lock: asked for once a second, not with every frame."""
        now = time.monotonic()
        if self._statistics is None or now - self._statistics[0] > STATISTICS_AGE:
            self._statistics = now, self._server.statistics
        return self._statistics[1]

    def close(self) -> None:
        self._artist.shutdown(cancel_futures=True)

    # From here on, only Studio's event loop.

    def join(self, viewer: Viewer) -> bool:
        """False if there are too many already."""
        if len(self._viewers) >= MOST_VIEWERS:
            return False
        self._loop = asyncio.get_running_loop()
        self._viewers.add(viewer)
        if viewer.camera in self._newest:
            viewer.fresh.set()
        return True

    def leave(self, viewer: Viewer) -> None:
        self._viewers.discard(viewer)
        self._left[viewer.camera] = time.monotonic()
        if not self._viewers:
            self._views.clear()

    async def view(self, result: Result, width: int) -> CameraView:
        """Made on a thread of its own; concurrent requests for the same view share it."""
        width = min(width, result.frame.image.shape[1])
        key = result.frame.camera, width
        made = self._views.get(key)
        if made is None or made[0] is not result:
            loop = asyncio.get_running_loop()
            future = loop.run_in_executor(self._artist, self._make_view, result, width)
            made = self._views[key] = result, future
        return await asyncio.shield(made[1])

    def _make_view(self, result: Result, width: int) -> CameraView:
        frame, server = result.frame, self._server
        counts = self.statistics().cameras.get(frame.camera)
        trust = server.trust
        trusted = trust.point_threshold
        fields = {
            "camera": frame.camera,
            "stamp_ns": self.stamp(frame),
            "width": frame.image.shape[1],
            "height": frame.image.shape[0],
            "network_ms": round(1e3 * result.stages["network"], 1),
            "rate": round(self.rate(frame.camera), 2),
            "database_version": server.database_version,
            "dropped": counts.dropped if counts else 0,
            "trusted_point": trusted,
            "found_object": trust.presence_threshold,
            "kept_object": trust.tracking_threshold,
            "active": list(server.active(frame.camera)),
            "objects": [FoundObject.of(one, trusted).model_dump() for one in result.objects],
        }
        return CameraView(frame.received, fields, to_jpeg(frame.image, width))

    def _wake(self, camera: str) -> None:
        for viewer in self._viewers:
            if viewer.camera == camera:
                viewer.fresh.set()


def width_for(wanted: int) -> int:
    """The smallest of `WIDTHS` that shows as much as was asked for."""
    return next((width for width in WIDTHS if width >= wanted), WIDTHS[-1])
