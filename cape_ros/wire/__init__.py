"""The part of rclpy that `cape_ros.ros` uses, spoken over Cyclone DDS, for machines without ROS 2.

Each module here is what rclpy calls by the same name: after `install()`, `import rclpy.qos` gives
`cape_ros.wire.qos`. See docs/wire.md for its limits.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys

from cape_ros.errors import CapeError

__all__ = ["install"]

MODULES = (
    "callback_groups",
    "client",
    "clock",
    "context",
    "duration",
    "event_handler",
    "exceptions",
    "executors",
    "lifecycle",
    "logging",
    "node",
    "parameter",
    "publisher",
    "qos",
    "qos_overriding_options",
    "serialization",
    "service",
    "signals",
    "subscription",
    "task",
    "time",
    "time_source",
    "timer",
)


def install() -> None:
    """Make `import rclpy`, `import sensor_msgs.msg`, `import cape_ros.srv` and so on work.

    Raises `CapeError` if there is a real rclpy (two of them in one process speak at cross
    purposes), or if a package that this needs is missing.
    """
    present = sys.modules.get("rclpy")
    if present is not None and present.__name__ == f"{__name__}.rclpy":
        return
    if present is not None or importlib.util.find_spec("rclpy") is not None:
        raise CapeError(
            "cape_ros.wire stands in for rclpy where no ROS 2 is installed, but an rclpy is "
            "here; use that one: `import rclpy` without cape_ros.wire.install()"
        )
    try:
        rclpy = importlib.import_module(f"{__name__}.rclpy")
        modules = {name: importlib.import_module(f"{__name__}.{name}") for name in MODULES}
        from cape_ros.wire.import_hook import add_import_hook
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in ("cyclonedds", "rosbags"):
            raise
        raise CapeError(
            f"there is no ROS 2 here, and to do without it {package} is needed: "
            "pip install 'cape_ros[wire]' (Linux x86-64, CPython 3.10 to 3.13)"
        ) from error
    rclpy.__path__ = []  # a module that is not here is then reported as that
    sys.modules["rclpy"] = rclpy
    for name, module in modules.items():
        sys.modules[f"rclpy.{name}"] = module
        setattr(rclpy, name, module)
    add_import_hook()
