"""The state that all routes share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cape_ros.server.server import Server
from cape_ros.studio.api.uploads import Uploads
from cape_ros.studio.broadcast import Broadcast
from cape_ros.studio.image_store import ImageStore
from cape_ros.studio.videos import VideoStore

Activate = Callable[[str, Sequence[str] | None], None]
"""The categories that are active on a camera; None = all, also those registered later."""


@dataclass(frozen=True)
class Context:
    """cameras: the names of all that may come. activate: how the front end at hand does it."""

    server: Server
    broadcast: Broadcast
    images: ImageStore
    videos: VideoStore
    uploads: Uploads
    cameras: Callable[[], Sequence[str]]
    activate: Activate
