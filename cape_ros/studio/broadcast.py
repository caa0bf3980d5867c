"""The newest result of each camera, encoded once for all viewers."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

from cape_ros.perception.space import ImageInSpace, SpaceInputs
from cape_ros.server.server import Frame, Result, Server
from cape_ros.server.statistics import Statistics
from cape_ros.studio.api.schemas import FoundObject
from cape_ros.studio.camera_view import CameraView, Wishes, in_space

MOST_VIEWERS = 16
WIDTHS = (160, 320, 480, 640, 960, 1280, 1920)  # of JPEGs: few, so that viewers share them
RATE_OVER = 32  # results
RATE_WITHIN = 3.0  # [s]
STATISTICS_AGE = 1.0  # [s] the server's figures may have
SPACE_PATIENCE = 1.0  # [s] after a result until one in space comes, of it or of one before


@dataclass(eq=False)
class Viewer:
    """A client that watches a camera. fresh: there is a result that was not sent to it."""

    camera: str
    wishes: Wishes
    fresh: asyncio.Event = field(default_factory=asyncio.Event)


_Made = tuple[Result, ImageInSpace | None, "asyncio.Future[CameraView]"]


class Broadcast:
    """`offer` is for the model's thread and waits for nothing; the rest is for Studio's.

    stamp: of a frame, in nanoseconds. space_inputs: what a camera has for results in space.
    """

    def __init__(
        self,
        server: Server,
        stamp: Callable[[Frame], int],
        space_inputs: Callable[[str], SpaceInputs],
    ) -> None:
        self.stamp = stamp
        self._server = server
        self._space_inputs = space_inputs
        self._newest: dict[str, Result] = {}
        self._in_space: dict[str, tuple[Result, ImageInSpace]] = {}
        self._space_awaited: dict[str, float] = {}  # since when results came without one in space
        self._arrivals: dict[str, deque[float]] = {}
        self._viewers: set[Viewer] = set()
        self._left: dict[str, float] = {}  # when the last viewer of a camera went
        self._loop: asyncio.AbstractEventLoop | None = None
        self._artist = ThreadPoolExecutor(1, "studio-jpeg")
        self._views: dict[tuple[str, Wishes], _Made] = {}
        self._statistics: tuple[float, Statistics] | None = None

    def offer(self, result: Result) -> None:
        """Take the newest result of a camera; single assignments, so that no lock is needed."""
        camera = result.frame.camera
        now = time.monotonic()
        self._newest[camera] = result
        self._space_awaited.setdefault(camera, now)
        self._arrivals.setdefault(camera, deque(maxlen=RATE_OVER)).append(now)
        self._wake_later(camera)

    def offer_space(self, result: Result, seen: ImageInSpace) -> None:
        """What is known in space of a result that was offered; as `offer`, from any thread."""
        camera = result.frame.camera
        if self.wants_space(camera):
            self._in_space[camera] = result, seen
            self._space_awaited.pop(camera, None)
            self._wake_later(camera)

    def wants_space(self, camera: str) -> bool:
        """Whether a viewer of the camera wants more than 2-D results."""
        return any(
            viewer.camera == camera and viewer.wishes.need_space for viewer in list(self._viewers)
        )

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
        self._forget_space(viewer.camera)
        if not self._viewers:
            self._views.clear()

    def change(self, viewer: Viewer, wishes: Wishes) -> None:
        """The viewer wants to see something else from now on."""
        viewer.wishes = wishes
        viewer.fresh.set()
        self._forget_space(viewer.camera)

    def newest_for(self, viewer: Viewer) -> tuple[Result, ImageInSpace | None] | None:
        """A result, and what is known of it in space if the viewer wants that.

        It comes a little after the 2-D result; when it stays away, that one is better than nothing.
        """
        result = self._newest.get(viewer.camera)
        if result is None or not viewer.wishes.need_space:
            return None if result is None else (result, None)
        return self._newest_in_space(viewer.camera) or (result, None)

    async def view(self, result: Result, seen: ImageInSpace | None, wishes: Wishes) -> CameraView:
        """Made on a thread of its own; concurrent requests for the same view share it."""
        wishes = wishes._replace(width=min(wishes.width, result.frame.image.shape[1]))
        key = result.frame.camera, wishes
        made = self._views.get(key)
        if made is None or made[0] is not result or made[1] is not seen:
            loop = asyncio.get_running_loop()
            future = loop.run_in_executor(self._artist, self._make_view, result, seen, wishes)
            made = self._views[key] = result, seen, future
        return await asyncio.shield(made[2])

    def _make_view(self, result: Result, seen: ImageInSpace | None, wishes: Wishes) -> CameraView:
        frame, server = result.frame, self._server
        counts = self.statistics().cameras.get(frame.camera)
        trust = server.trust
        trusted = trust.point_threshold
        known, active = server.categories, server.active(frame.camera)
        inputs = self._space_inputs(frame.camera)
        shapes = any(known[name].shape is not None for name in active if name in known)
        fields, picture = in_space(result, seen, wishes)
        fields |= {
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
            "active": list(active),
            "has_space": inputs.calibrated and (inputs.depth or shapes),
            "has_depth": inputs.depth,
            "objects": [FoundObject.of(one, trusted).model_dump() for one in result.objects],
        }
        return CameraView(frame.received, fields, picture)

    def _newest_in_space(self, camera: str) -> tuple[Result, ImageInSpace] | None:
        now = time.monotonic()
        waits = now - self._space_awaited.get(camera, now)
        return self._in_space.get(camera) if waits <= SPACE_PATIENCE else None

    def _forget_space(self, camera: str) -> None:
        if not self.wants_space(camera):
            self._in_space.pop(camera, None)

    def _wake_later(self, camera: str) -> None:
        if self._viewers and self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended meanwhile
                self._loop.call_soon_threadsafe(self._wake, camera)

    def _wake(self, camera: str) -> None:
        for viewer in self._viewers:
            if viewer.camera == camera:
                viewer.fresh.set()


def width_for(wanted: int) -> int:
    """The smallest of `WIDTHS` that shows as much as was asked for."""
    return next((width for width in WIDTHS if width >= wanted), WIDTHS[-1])
