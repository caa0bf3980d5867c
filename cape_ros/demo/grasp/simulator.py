"""MuJoCo, rendering without a screen, and the arm's model file."""

from __future__ import annotations

import importlib
import os
from ctypes.util import find_library
from functools import cache
from pathlib import Path
from typing import Any

from cape_ros.core.errors import CapeError
from cape_ros.core.extras import EXTRAS, how_to_install, is_installed

LIBRARIES = {"osmesa": "OSMesa", "egl": "EGL"}  # by the names of MUJOCO_GL


@cache
def mujoco() -> Any:
    """The module. Raises `CapeError` that says what to do where something is missing."""
    if missing := [name for name in EXTRAS["sim"] if not is_installed(name)]:
        raise CapeError(
            f"the simulated arm needs {', '.join(missing)}: {how_to_install('sim')} "
            "(Python 3.11 or newer)"
        )
    if "MUJOCO_GL" not in os.environ:
        found = [name for name, library in LIBRARIES.items() if find_library(library)]
        if not found:
            raise CapeError(
                "the simulated arm needs a renderer without a screen: on Debian and Ubuntu "
                "sudo apt install libosmesa6, or libegl1 where there is no such package"
            )
        os.environ["MUJOCO_GL"] = found[0]
    return importlib.import_module("mujoco")


def arm() -> Path:
    """A Franka Panda with a Robotiq 2F-85 gripper, of MuJoCo Menagerie. Raises `CapeError`."""
    package = importlib.import_module("tabletask")
    path = Path(str(package.__file__)).parent / "mujoco/robots/assets/droid/model.xml"
    if not path.is_file():
        raise CapeError(f"the arm's model is not where it is expected: {path}")
    return path
