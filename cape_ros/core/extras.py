"""Packages that an installation may lack: what to do if it does. Imports none of them."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from cape_ros.errors import CapeError

STUDIO = ("fastapi", "pydantic", "uvicorn", "websockets", "defusedxml")


def require_rclpy() -> None:
    """Raises `CapeError` that says how to get it."""
    if not is_installed("rclpy"):
        raise CapeError(
            "the node needs rclpy, which is missing: source ROS 2 and a workspace with cape_ros in "
            "it, or on Linux x86-64 run make in a checkout, which installs it; "
            "cape serve --camera, --video or --demo does without"
        )


def studio_is_installed() -> bool:
    return all(map(is_installed, STUDIO))


def require_studio() -> None:
    """Raises `CapeError` that says how to get it."""
    if missing := [name for name in STUDIO if not is_installed(name)]:
        raise CapeError(
            f"Studio needs {', '.join(missing)}: pip install 'cape_ros[studio]'; "
            "a node does without it: studio.enable:=false"
        )


def is_installed(name: str) -> bool:
    """name: of a module that can be imported, as far as one can tell without doing so."""
    return sys.modules.get(name) is not None or find_spec(name) is not None
