"""The last images of every camera, so that a request can refer to one by its stamp."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from typing import Any

from cape_ros.core.errors import InvalidInput

FRAMES_KEPT = 16  # of each camera


class FrameBuffer:
    """Keeps messages, not copies: an image is decoded when it is requested.

    cameras: their names as in the parameter `cameras`; "" is that of the only one.
    """

    def __init__(self, cameras: Sequence[str]) -> None:
        self._names = cameras
        self._lock = threading.Lock()
        self._cameras: dict[str, deque[Any]] = {}

    def add(self, camera: str, message: Any) -> None:
        with self._lock:
            self._cameras.setdefault(camera, deque(maxlen=FRAMES_KEPT)).append(message)

    def find(self, stamp: Any, camera: str = "") -> Any:
        """The camera's message with that stamp, its newest one for a zero stamp.

        camera: "" is any camera, as long as only one has such a message. Raises `InvalidInput`.
        """
        check_camera(self._names, camera)
        zero = not (stamp.sec or stamp.nanosec)
        with self._lock:
            messages = {
                name: message
                for name, messages in self._cameras.items()
                if camera in ("", name)
                for message in messages  # of equal stamps the newest one is left
                if zero or message.header.stamp == stamp
            }
        if len(messages) > 1:
            having = "frames" if zero else "a frame of that stamp"
            names = ", ".join(sorted(messages))
            raise InvalidInput.of("camera", f"several cameras have {having}: {names}; name one")
        if not messages:
            whose = f"frame of {camera}" if camera else "camera frame"
            missing = "has come yet" if zero else "of that stamp is buffered"
            raise InvalidInput.of("stamp", f"no image is given, and no {whose} {missing}")
        return next(iter(messages.values()))

    def camera_of(self, message: Any) -> str | None:
        """The camera whose message this is, while it is kept."""
        with self._lock:
            return next(
                (
                    name
                    for name, messages in self._cameras.items()
                    if any(one is message for one in messages)
                ),
                None,
            )


def check_camera(cameras: Sequence[str], camera: str) -> None:
    """Raises `InvalidInput` for the name of a camera that is not among them; "" is any."""
    if camera and camera not in cameras:
        known = ", ".join(filter(None, cameras)) or "one without a name"
        raise InvalidInput.of("camera", f"{camera!r} is none of the cameras here: {known}")
