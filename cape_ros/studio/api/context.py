"""The state that all routes share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cape_ros.perception.spatial import CameraModel, DepthImage
from cape_ros.server.server import Frame, Server
from cape_ros.studio.api.uploads import Uploads
from cape_ros.studio.broadcast import Broadcast
from cape_ros.studio.image_store import ImageStore
from cape_ros.studio.videos import VideoStore

Activate = Callable[[str, Sequence[str] | None], None]
"""The categories that are active on a camera; None = all, also those registered later."""

Seen = Callable[[Frame], tuple[CameraModel | None, DepthImage | None]]


@dataclass(frozen=True)
class Context:
    """cameras: the names of all that may come. activate: how the front end at hand does it. seen:
    the calibration of a frame's camera, and its depth on the same pixels, as far as known."""

    server: Server
    broadcast: Broadcast
    images: ImageStore
    videos: VideoStore
    uploads: Uploads
    cameras: Callable[[], Sequence[str]]
    activate: Activate
    seen: Seen
