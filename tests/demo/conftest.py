"""The demo starts a node as a process of its own."""

from __future__ import annotations

from contextlib import suppress

from cape_ros.core.errors import CapeError

with suppress(CapeError):  # without rclpy, what needs it is skipped
    import cape_ros.ros  # noqa: F401
