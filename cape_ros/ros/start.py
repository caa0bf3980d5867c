"""Begins rclpy, with a sentence for what it cannot read or write."""

from __future__ import annotations

import re
from collections.abc import Sequence

import rclpy

from cape_ros.core.errors import CapeError

# Places in rcl's sources, and words that say nothing.
NOISE = re.compile(r", at /[^,\s]+|Error: error not set|^failed to initialize rcl: ")

HINTS = {
    "remap": "; names have letters, digits and _",
    "logging": "; set ROS_LOG_DIR to a folder that can be written",
}


def init(args: Sequence[str] | None) -> None:
    """Raises `CapeError` that names the argument, or the folder of the log."""
    try:
        rclpy.init(args=None if args is None else list(args))
    except RuntimeError as error:
        reason = NOISE.sub("", str(error)).strip().rstrip(".")
        hint = next((hint for word, hint in HINTS.items() if word in reason), "")
        raise CapeError(f"{reason}{hint}") from error
