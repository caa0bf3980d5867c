"""The live view: frames and results over a WebSocket, as fast as this viewer draws them."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from cape_ros.studio.api.context import Context
from cape_ros.studio.broadcast import Viewer, width_for
from cape_ros.studio.camera_view import CameraView, Wishes

VIEWER_TIMEOUT = 10.0  # [s] for a viewer to take a frame and to say that it is drawn
UNKNOWN_CAMERA, TOO_MANY, TOO_SLOW = 4404, 1013, 1008
# Hung up, too slow, closed already
GONE = (WebSocketDisconnect, OSError, asyncio.TimeoutError, RuntimeError)
WIDTH = 960
DOUBLE_STEP = 1024  # [ns] between two doubles of today's size there are 256


def routes(context: Context) -> APIRouter:
    router = APIRouter()

    @router.websocket("/live")
    async def live(
        websocket: WebSocket,
        camera: str = "",
        width: int = WIDTH,
        space: bool = False,
        depth: bool = False,
    ) -> None:
        await websocket.accept()
        known = context.cameras()
        camera = camera or next(iter(known), "")
        if camera not in known:
            await websocket.close(UNKNOWN_CAMERA, "no such camera")
            return
        viewer = Viewer(camera, Wishes(width_for(width), space, depth))
        if not context.broadcast.join(viewer):
            await websocket.close(TOO_MANY, "too many viewers")
            return
        try:
            await _Show(context, websocket, viewer).run()
        finally:
            context.broadcast.leave(viewer)

    return router


class _Show:
    """Sends the newest frame, waits until it is drawn, and so on."""

    def __init__(self, context: Context, websocket: WebSocket, viewer: Viewer) -> None:
        self._context = context
        self._websocket = websocket
        self._viewer = viewer
        self._drawn = asyncio.Event()
        self._ended = False
        self._shown: CameraView | None = None
        self._sent = -1  # stamp of the last frame, in nanoseconds

    async def run(self) -> None:
        tasks = {asyncio.create_task(self._send()), asyncio.create_task(self._listen())}
        done, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        self._ended = True
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        for task in done:
            with suppress(*GONE):
                task.result()
        with suppress(*GONE):
            await self._websocket.close(TOO_SLOW)

    async def _send(self) -> None:
        """Ends with TimeoutError for a viewer that is too slow or gone."""
        broadcast, viewer = self._context.broadcast, self._viewer
        # Until Python 3.12 `wait_for` swallows a cancellation that comes with what it waits for.
        while not self._ended:
            await viewer.fresh.wait()
            viewer.fresh.clear()
            newest = broadcast.newest_for(viewer)
            if newest is None:
                continue
            result, _ = newest
            view = await broadcast.view(*newest, viewer.wishes)
            if view is self._shown:  # of what is newer, nothing is known in space yet
                continue
            self._shown = view
            self._sent = broadcast.stamp(result.frame)
            self._drawn.clear()
            await asyncio.wait_for(self._websocket.send_bytes(view.packet()), VIEWER_TIMEOUT)
            await asyncio.wait_for(self._drawn.wait(), VIEWER_TIMEOUT)

    async def _listen(self) -> None:
        while True:
            message = _read(await self._websocket.receive_text())
            drawn = message.get("drawn")
            # A browser has a stamp as a double: it says a neighbour of the one that was sent.
            if isinstance(drawn, (int, float)) and abs(drawn - self._sent) < DOUBLE_STEP:
                self._drawn.set()
            wishes = _wishes(message, self._viewer.wishes)
            if wishes != self._viewer.wishes:
                self._context.broadcast.change(self._viewer, wishes)


def _wishes(message: dict[str, Any], before: Wishes) -> Wishes:
    """What a viewer wants from now on; what the message does not say stays."""
    width, space, depth = (message.get(name) for name in ("width", "space", "depth"))
    return Wishes(
        width_for(width) if isinstance(width, int) else before.width,
        space if isinstance(space, bool) else before.space,
        depth if isinstance(depth, bool) else before.depth,
    )


def _read(text: str) -> dict[str, Any]:
    """The message of a viewer; {} if it is malformed."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}
