"""Studio during the demo; the camera keeps running while a page is open."""

from __future__ import annotations

import json
import socket
import urllib.request

from cape_ros.media.sources import Source, SourceFrame

HOST, PORT = "127.0.0.1", 8765
REQUEST_TIMEOUT = 5.0  # [s] for its answer
TEACHING = 300.0  # [s] that a user may mark keypoints without watching the camera


class StudioOfNode:
    """Studio of the demo's node, on a port that was free a moment ago."""

    def __init__(self) -> None:
        self._port = _free_port()

    @property
    def parameters(self) -> dict[str, bool | int | str]:
        """The node's parameters that enable Studio."""
        return {"studio.enable": True, "studio.host": HOST, "studio.port": self._port}

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self._port}/"

    def is_in_use(self) -> bool:
        """Whether there are viewers, or were recently: one who marks keypoints watches a still."""
        try:
            with urllib.request.urlopen(
                f"{self.address}api/cameras", timeout=REQUEST_TIMEOUT
            ) as answer:
                ago = [camera["unwatched_s"] for camera in json.load(answer)]
                return any(seconds is not None and seconds < TEACHING for seconds in ago)
        except OSError:
            return False


class Unending:
    """A source that shows its scene again and again while it waits."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.rate, self.expected = source.rate, source.expected
        source.rewind()

    def waiting(self) -> SourceFrame:
        frame = self._source.next()
        if frame is None:
            self._source.rewind()
            frame = self._source.next() or self._source.waiting()
        return frame

    def next(self) -> SourceFrame | None:
        return self.waiting()

    def rewind(self) -> None:
        self._source.rewind()

    def close(self) -> None:
        self._source.close()


def _free_port() -> int:
    """The usual one, or any other while that is taken."""
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((HOST, PORT))
        except OSError:
            tried.bind((HOST, 0))
        return int(tried.getsockname()[1])
