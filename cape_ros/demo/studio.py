"""Studio during the demo; the camera keeps running while a page is open."""

from __future__ import annotations

import json
import socket
import urllib.request

from cape_ros.core.errors import InvalidInput
from cape_ros.media.sources import Source, SourceFrame

HOST, PORT = "127.0.0.1", 8765
REQUEST_TIMEOUT = 5.0  # [s] for its answer
TEACHING = 300.0  # [s] that a user may mark keypoints without watching the camera


class StudioOfNode:
    """Studio of the demo's node, on a port that was free a moment ago.

    port: None is the usual one, or any other while that is taken; 0 is any free one. remark: what a
    person should know about the port. Raises `InvalidInput` for a given port that is taken.
    """

    def __init__(self, port: int | None = None) -> None:
        self.remark = ""
        self._chosen = port
        try:
            self._port = _bindable(PORT if port is None else port)
        except (OSError, OverflowError) as error:
            if port is not None:
                reason = error.strerror if isinstance(error, OSError) else "not 0 to 65535"
                raise InvalidInput.of("--port", f"{port} cannot be used: {reason}") from error
            self._take_another()

    def moves(self) -> bool:
        """Whether another program has taken the usual port since; Studio then gets another one."""
        if self._chosen is not None or _is_bindable(self._port):
            return False
        self._take_another()
        return True

    def _take_another(self) -> None:
        self._port = _bindable(0)
        self.remark = f"Port {PORT} is taken, so Studio has another one; --port chooses one."

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


def _is_bindable(port: int) -> bool:
    try:
        _bindable(port)
    except OSError:
        return False
    return True


def _bindable(port: int) -> int:
    """The port, or a free one for 0. Raises `OSError`, `OverflowError`."""
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        tried.bind((HOST, port))
        tried.listen()  # two programs that reuse addresses may bind, but not listen
        return int(tried.getsockname()[1])
