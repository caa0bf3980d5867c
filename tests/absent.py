"""Python as it is where packages are not installed."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Collection
from typing import Any

ROS = (
    "rclpy",
    "builtin_interfaces",
    "diagnostic_msgs",
    "geometry_msgs",
    "lifecycle_msgs",
    "rcl_interfaces",
    "sensor_msgs",
    "std_msgs",
    "vision_msgs",
    "visualization_msgs",
    "tf2_msgs",
    "ament_index_python",
    "cv_bridge",
    "cape_ros.msg",
    "cape_ros.srv",
)


class Blind:
    """A finder of modules that does not see some of them."""

    def __init__(self, finder: Any, names: Collection[str]) -> None:
        self._finder, self._names = finder, names

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        if is_one_of(fullname, self._names):
            return None
        return self._finder.find_spec(fullname, path, target)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._finder, name)


def hide(names: Collection[str]) -> None:
    """From now on nothing of these packages can be imported in this process."""
    for module in [name for name in sys.modules if is_one_of(name, names)]:
        del sys.modules[module]
    sys.meta_path[:] = [Blind(finder, names) for finder in sys.meta_path]
    importlib.invalidate_caches()


def is_one_of(module: str, packages: Collection[str]) -> bool:
    """Whether it is one of these packages or in one of them."""
    return any(module == package or module.startswith(f"{package}.") for package in packages)
