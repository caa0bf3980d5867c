"""Where ROS 2 comes from: an installation that is sourced, or wheels in the Python environment."""

from __future__ import annotations

import os
import re
import sys
import sysconfig
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from cape_ros.core.errors import CapeError

MIDDLEWARE = "rmw_fastrtps_cpp"  # of the wheels
LARGEST_DOMAIN = 232  # above it the UDP ports of DDS would pass 65535


def here() -> Path:
    """The prefix of this Python environment."""
    return Path(sysconfig.get_path("data"))


def site_packages() -> Path:
    return Path(sysconfig.get_path("purelib"))


def python_folder(package: str) -> Path:
    """Where the generated modules of an interface package go.

    Those of cape_ros join the installed package. Where that is a checkout (an editable install),
    they have a folder of their own, which cape_ros/__init__.py knows: a folder cape_ros without
    __init__.py in site-packages would hide the checkout.
    """
    joined = site_packages() / package
    if package != "cape_ros" or (joined / "__init__.py").is_file():
        return joined
    return site_packages() / "cape_ros_messages" / package


def sourced() -> Sequence[Path]:
    """The prefixes of a sourced ROS 2 that have rclpy, other than this environment."""
    prefixes = os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)
    return [
        path
        for path in map(Path, filter(None, prefixes))
        if (path / "share" / "rclpy").is_dir() and path != here()
    ]


def has_rclpy() -> bool:
    """Whether there is one to import; it may still be of another Python."""
    return find_spec("rclpy") is not None


def check() -> None:
    """Raises `CapeError` that says what to do about an environment that cannot work.

    Two installations in one process end it without a word, one of another Python with a traceback.
    """
    if _is_here() and sourced():
        raise CapeError(
            f"two ROS 2 at once: {sourced()[0]} is sourced, and {here()} has rclpy of its own; "
            "use a shell in which no ROS 2 is sourced, or another Python environment"
        )
    if _is_here() and os.environ.get("RMW_IMPLEMENTATION", MIDDLEWARE) != MIDDLEWARE:
        raise CapeError(
            f"RMW_IMPLEMENTATION is {os.environ['RMW_IMPLEMENTATION']}, and the wheels of rclpy in "
            f"{here()} have {MIDDLEWARE} only: unset it, or source a ROS 2 installation"
        )
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    for prefix in sourced():
        pythons = {
            match[1]
            for path in prefix.glob("lib/python3.*")
            if (match := re.fullmatch(r"python(3\.\d+)", path.name))
        }
        if pythons and python not in pythons:
            raise CapeError(
                f"the ROS 2 that is sourced here ({prefix}) is for Python "
                f"{', '.join(sorted(pythons))}, and this is Python {python}: use that Python, "
                "or a shell in which no ROS 2 is sourced"
            )
    domain = os.environ.get("ROS_DOMAIN_ID", "").strip()
    if domain and not (domain.isdecimal() and int(domain) <= LARGEST_DOMAIN):
        raise CapeError(f"ROS_DOMAIN_ID is {domain!r}: give a number from 0 to {LARGEST_DOMAIN}")


def _is_here() -> bool:
    return (here() / "share" / "rclpy").is_dir()
