"""Imports rclpy; reports its origin, or why it cannot be used."""

from __future__ import annotations

import os
import socket
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from cape_ros.core.errors import CapeError
from cape_ros.core.extras import require_rclpy
from cape_ros.interfaces import environment, packages


def load() -> str:
    """The version and distribution of rclpy and its middleware: "rclpy 7.1.6 (jazzy), rmw_...".

    Raises `CapeError` that says what to do if rclpy is missing, of another Python, mixed from two
    installations, or without the messages of this package.
    """
    environment.check()
    _check_static_peers()
    require_rclpy()
    import rclpy

    implementation = rclpy.get_rmw_implementation_identifier()
    if find_spec("cape_ros.msg") is None:
        raise CapeError(
            "ROS 2 is sourced here, but no workspace with cape_ros in it: run `colcon build "
            "--packages-select cape_ros` and source install/setup.bash"
            if environment.sourced()
            else "the messages of cape_ros were not generated for this environment: run `make` "
            "in the checkout, or `python -m cape_ros.interfaces`"
        )
    _check_messages()
    return f"{_rclpy()}, {implementation}"


def _check_static_peers() -> None:
    """A middleware ends the process, or the node, over a peer that it cannot resolve."""
    for peer in filter(None, os.environ.get("ROS_STATIC_PEERS", "").split(";")):
        try:
            socket.getaddrinfo(peer, None)
        except (OSError, UnicodeError) as error:
            raise CapeError(
                f"ROS_STATIC_PEERS names {peer!r}, which cannot be resolved ({error}): wait until "
                "the network is up, give its address, or leave it out"
            ) from None


def _check_messages() -> None:
    """Checks in a checkout that the installed messages are those of its msg/ and srv/."""
    import cape_ros.msg

    wanted = packages.own_definitions()
    used = packages.definitions_above(Path(cape_ros.msg.__file__ or ""))
    if used is None or used == wanted:
        return
    for file in packages.Package(packages.OWN, wanted).definitions:
        other = used / file
        if not other.is_file() or other.read_bytes() != (wanted / file).read_bytes():
            raise CapeError(
                f"the messages in use ({used}) were generated from another checkout: {file} "
                "differs; run `make`, or `colcon build` in the sourced workspace"
            )


def _rclpy() -> str:
    distribution = os.environ.get("ROS_DISTRO", "")
    for name in ("ros-rclpy", "rclpy"):  # of a wheel; of a sourced installation
        if number := _installed(name):
            break
    else:
        number = "of unknown version"
    if not environment.sourced():
        names = [name for name in ("jazzy", "kilted") if _installed(f"ros-{name}-rclpy")]
        distribution = names[0] if names else distribution
    return f"rclpy {number} ({distribution})" if distribution else f"rclpy {number}"


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
