"""Keypoints of any object from one annotated example: CapeFormer as a ROS 2 node."""

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cape_ros.core.cpu_quota import limit_threads

if TYPE_CHECKING:
    from cape_ros.core.errors import CapeError, InvalidInput
    from cape_ros.perception.category import Category, SupportShot
    from cape_ros.perception.estimator import Estimator
    from cape_ros.perception.library.library import CategoryLibrary
    from cape_ros.perception.objects import ObjectKeypoints, ObjectRequest

# The generated cape_ros.msg and cape_ros.srv lie in a folder cape_ros of their own: that of a
# sourced workspace, or of the environment that `make` made. Recognised by what rosidl generates,
# since a checkout, too, is a folder cape_ros with msg/ and srv/ in it.
__path__ += [
    str(folder)
    for entry in sys.path
    for folder in (Path(entry, __name__), Path(entry, "cape_ros_messages", __name__))
    if str(folder) not in __path__ and (folder / "msg" / "__init__.py").is_file()
]

# Before PyTorch is loaded: by default its idle threads spin, and on a CPU that other programs use
# too, which is every robot's, a frame then takes seconds instead of tens of milliseconds.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
limit_threads()

__version__ = "0.1.0"

__all__ = [
    "CapeError",
    "Category",
    "CategoryLibrary",
    "Estimator",
    "InvalidInput",
    "ObjectKeypoints",
    "ObjectRequest",
    "SupportShot",
]

# Imported when they are asked for: the messages, which lie in this package, do without PyTorch.
_MODULES = {
    "CapeError": "core.errors",
    "Category": "perception.category",
    "CategoryLibrary": "perception.library.library",
    "Estimator": "perception.estimator",
    "InvalidInput": "core.errors",
    "ObjectKeypoints": "perception.objects",
    "ObjectRequest": "perception.objects",
    "SupportShot": "perception.category",
}

if not TYPE_CHECKING:  # a type checker would take every name for granted

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
