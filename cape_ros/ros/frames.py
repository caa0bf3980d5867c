"""The last images of every camera, so that a registration can refer to one by its stamp."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

FRAMES_KEPT = 16  # of each camera


class FrameBuffer:
    """Keeps messages, not copies: one is decoded when somebody asks for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cameras: dict[str, deque[Any]] = {}
        self._newest: Any = None

    def add(self, camera: str, message: Any) -> None:
        with self._lock:
            self._cameras.setdefault(camera, deque(maxlen=FRAMES_KEPT)).append(message)
            self._newest = message

    def find(self, stamp: Any) -> Any:
        """The message with that stamp, the newest one for a zero stamp, None if it is gone."""
        with self._lock:
            if not (stamp.sec or stamp.nanosec):
                return self._newest
            return next(
                (
                    message
                    for messages in self._cameras.values()
                    for message in reversed(messages)
                    if message.header.stamp == stamp
                ),
                None,
            )
