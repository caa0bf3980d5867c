"""The live view: frames and results over a WebSocket, as fast as this viewer draws them."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from cape_ros.studio.api.context import Context
from cape_ros.studio.broadcast import Viewer, width_for

VIEWER_TIMEOUT = 10.0  # [s] for a viewer to take a frame and to say that it is drawn
UNKNOWN_CAMERA, TOO_MANY, TOO_SLOW = 4404, 1013, 1008
# Hung up, too slow, closed already
GONE = (WebSocketDisconnect, OSError, asyncio.TimeoutError, RuntimeError)
WIDTH = 960
DOUBLE_STEP = 1024  # [ns] between two doubles of today's size there are 256


def routes(context: Context) -> APIRouter:
    router = APIRouter()

    @router.websocket("/live")
    async def live(websocket: WebSocket, camera: str = "", width: int = WIDTH) -> None:
        await websocket.accept()
        known = context.cameras()
        camera = camera or next(iter(known), "")
        if camera not in known:
            await websocket.close(UNKNOWN_CAMERA, "no such camera")
            return
        viewer = Viewer(camera, width_for(width))
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
        self._sent = -1  # stamp of the last frame, in nanoseconds

    async def run(self) -> None:
        tasks = {asyncio.create_task(self._send()), asyncio.create_task(self._listen())}
        done, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
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
        while True:
            await viewer.fresh.wait()
            viewer.fresh.clear()
            result = broadcast.newest(viewer.camera)
            if result is None:
                continue
            view = await broadcast.view(result, viewer.width)
            self._sent = broadcast.stamp(result.frame)
            self._drawn.clear()
            await asyncio.wait_for(self._websocket.send_bytes(view.packet()), VIEWER_TIMEOUT)
            await asyncio.wait_for(self._drawn.wait(), VIEWER_TIMEOUT)

    async def _listen(self) -> None:
        while True:
            message = _read(await self._websocket.receive_text())
            drawn, width = message.get("drawn"), message.get("width")
            # A browser has a stamp as a double: it says a neighbour of the one that was sent.
            if isinstance(drawn, (int, float)) and abs(drawn - self._sent) < DOUBLE_STEP:
                self._drawn.set()
            if isinstance(width, int):
                self._viewer.width = width_for(width)


def _read(text: str) -> dict[str, Any]:
    """The message of a viewer; {} if it is malformed."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}
