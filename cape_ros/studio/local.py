"""Studio without ROS: its own server, with a local camera, a video or the demo."""

from __future__ import annotations

import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from cape_ros.core.errors import CapeError
from cape_ros.core.files import expand
from cape_ros.core.hangup import on_hangup
from cape_ros.media.photographs import photographs
from cape_ros.media.sources import CutOff, LiveCamera, MovingPhotograph, Source, VideoFile
from cape_ros.perception.estimator import Estimator
from cape_ros.perception.library.library import CategoryLibrary
from cape_ros.server.server import Frame, Result, Server
from cape_ros.studio.studio import HOST, PORT, Studio

logger = logging.getLogger(__name__)
PERIOD = 600  # frames of the demo's motion
SEED = 19
CAMERA = "camera"
LIBRARY = "~/.local/share/cape_ros/library"


def demo_source() -> Source:
    """A cup of coffee under a moving camera."""
    return MovingPhotograph(photographs()[0], PERIOD, SEED)


def own_source(video: Path | None, camera: int) -> Source:
    """A video file, again and again, or a camera by its number. Raises `SourceError`."""
    return VideoFile(video, sys.maxsize) if video else LiveCamera(camera, sys.maxsize)


def serve(source: Source, values: Mapping[str, Any], say: Callable[[str], None]) -> None:
    """Serves Studio until Ctrl-C, or until its terminal is closed.

    values: of the node's parameters, where they differ from their defaults.
    say: called with the address. Raises `CapeError` if something hinders it.
    """
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    on_hangup(ended.set)
    with ExitStack() as ends:
        ends.callback(source.close)
        estimator = Estimator.load(values.get("weights"), values.get("device", "auto"))
        library = CategoryLibrary(expand(Path(values.get("library", LIBRARY)), "--library"))
        for damaged in library.damaged:
            logger.error("library: set aside %s", damaged)
        studio: Studio | None = None

        def offer(result: Result) -> None:
            if studio is not None:
                studio.offer(result)

        server = Server(estimator, library, on_result=offer)
        ends.callback(server.close)
        studio = Studio(
            server,
            values.get("studio.host", HOST),
            values.get("studio.port", PORT),
            values.get("studio.token"),
            cameras=lambda: [CAMERA],
        )
        ends.callback(studio.close)
        say(studio.address)
        play(source, server, ended)


def play(source: Source, server: Server, ended: threading.Event) -> None:
    """Show what the source shows, at its rate, from the beginning again after its end."""
    due, complete = time.monotonic(), True
    while not ended.is_set():
        try:
            frame = source.next()
        except CutOff as error:
            if complete:
                logger.warning("%s", error)
            frame, complete = None, False
        if frame is None:
            source.rewind()
            frame = source.next()
        if frame is None:
            raise CapeError("the video cannot be played a second time")
        server.submit(Frame(CAMERA, frame.image, time.time_ns()))
        due = max(due + 1 / source.rate, time.monotonic())
        ended.wait(due - time.monotonic())
