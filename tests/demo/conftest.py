"""The node on its middleware: on the loopback device, in a domain of this run's own."""

from __future__ import annotations

import os
from contextlib import suppress

from cape_ros.errors import CapeError

os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"

with suppress(CapeError):  # without rclpy, what needs it is skipped
    import cape_ros.ros  # noqa: F401
