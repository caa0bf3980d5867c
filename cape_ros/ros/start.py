"""Begins rclpy, with a sentence for ROS arguments that it cannot read."""

from __future__ import annotations

import re
from collections.abc import Sequence

import rclpy

from cape_ros.core.errors import CapeError

# Places in rcl's sources, and words that say nothing.
NOISE = re.compile(r", at /[^,\s]+|Error: error not set|^failed to initialize rcl: ")


def init(args: Sequence[str] | None) -> None:
    """Raises `CapeError` that names the argument."""
    try:
        rclpy.init(args=None if args is None else list(args))
    except RuntimeError as error:
        reason = NOISE.sub("", str(error)).strip().rstrip(".")
        hint = "; names have letters, digits and _" if "remap" in reason else ""
        raise CapeError(f"{reason}{hint}") from error
