"""Runs Studio's HTTP server on its own thread until `close`."""

from __future__ import annotations

import errno
import logging
import re
import secrets
import socket
import threading
from collections.abc import Callable, Sequence

import uvicorn

from cape_ros.core.errors import CapeError, InvalidInput
from cape_ros.perception.space import ImageInSpace, SpaceInputs
from cape_ros.server.server import Frame, Result, Server
from cape_ros.studio.access import Rules, is_local
from cape_ros.studio.api.context import Activate, Context, Seen
from cape_ros.studio.api.uploads import Uploads
from cape_ros.studio.app import make_app
from cape_ros.studio.broadcast import Broadcast
from cape_ros.studio.connections import BoundedConnection
from cape_ros.studio.image_store import ImageStore
from cape_ros.studio.kept import Kept
from cape_ros.studio.videos import VideoStore

logger = logging.getLogger(__name__)
HOST, PORT = "127.0.0.1", 8765
MOST_OCTETS_KEPT = 256_000_000  # images and videos of all people
TOKEN = re.compile(r"[A-Za-z0-9_-]{8,128}")  # as it is in addresses and cookies
MOST_CONNECTIONS = 100
LARGEST_MESSAGE = 4096  # of a viewer, in bytes
ENDING = 2.0  # [s] for requests in work
END = 5.0  # [s] for all of it


class Studio:
    """address: to be opened in a browser, with the token if one is needed.

    token: asked for; None = one that is made up if others than this machine's users reach the port,
    else none.
    cameras: the names of all; None = those that showed something. activate: None = on all cameras
    alike. stamp: of a frame, in nanoseconds. space_inputs: what a camera has for results in space.
    seen: as of `Context`.
    Raises `CapeError` if the port is not available, `InvalidInput`.
    """

    def __init__(
        self,
        server: Server,
        host: str = HOST,
        port: int = PORT,
        token: str | None = None,
        cameras: Callable[[], Sequence[str]] | None = None,
        activate: Activate | None = None,
        stamp: Callable[[Frame], int] = lambda frame: int(frame.header),
        space_inputs: Callable[[str], SpaceInputs] = lambda camera: SpaceInputs(),
        seen: Seen = lambda frame: (None, None),
    ) -> None:
        if token is not None and not TOKEN.fullmatch(token):
            raise InvalidInput.of("token", "is not 8 or more of A-Z a-z 0-9 _ -")
        self._socket = _listen(host, port)
        port = self._socket.getsockname()[1]
        if token is None and not is_local(host):
            token = secrets.token_urlsafe(16)
        self.address = _address(host, port, token)
        self._broadcast = Broadcast(server, stamp, space_inputs)
        kept = Kept(MOST_OCTETS_KEPT)
        context = Context(
            server,
            self._broadcast,
            ImageStore(kept),
            VideoStore(kept),
            Uploads(),
            cameras or self._broadcast.cameras,
            activate or (lambda camera, names: server.activate(None, names)),
            seen,
        )
        config = uvicorn.Config(
            make_app(context, Rules(host, port, token)),
            log_config=None,
            access_log=False,
            lifespan="off",
            http=BoundedConnection,
            ws="websockets-sansio",
            ws_max_size=LARGEST_MESSAGE,
            ws_per_message_deflate=False,  # JPEGs do not become smaller
            limit_concurrency=MOST_CONNECTIONS,
            timeout_graceful_shutdown=int(ENDING),
            server_header=False,
        )
        self._uvicorn = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._uvicorn.run, args=([self._socket],), name="studio", daemon=True
        )
        self._thread.start()

    def offer(self, result: Result) -> None:
        """A result that viewers may see; returns at once, however slow they are."""
        self._broadcast.offer(result)

    def wants_space(self, camera: str) -> bool:
        """Whether a viewer wants to see objects in space, or depth."""
        return self._broadcast.wants_space(camera)

    def offer_space(self, result: Result, seen: ImageInSpace) -> None:
        """What is known in space of a result that was offered; returns at once."""
        self._broadcast.offer_space(result, seen)

    def close(self) -> None:
        """Disconnect all viewers. Idempotent."""
        self._uvicorn.should_exit = True
        self._thread.join(END)
        if self._thread.is_alive():
            logger.warning("Studio: a request is still in work")
        self._broadcast.close()
        self._socket.close()


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65535:  # the resolver would take another one
        raise InvalidInput.of("port", f"{port} is not 0 to 65535")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen()
        except BaseException:
            listening.close()
            raise
        return listening
    except OSError as error:
        in_use = error.errno == errno.EADDRINUSE
        reason = "another program has it" if in_use else error.strerror or str(error)
        raise CapeError(
            f"Studio cannot be served at {host}:{port}: {reason}; choose another port or host"
        ) from error


def _address(host: str, port: int, token: str | None) -> str:
    everywhere = host in ("0.0.0.0", "::")
    name = socket.gethostname() if everywhere else host
    name = f"[{name}]" if ":" in name else name
    return f"http://{name}:{port}/" + (f"?token={token}" if token else "")
