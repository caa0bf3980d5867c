"""Keypoints of any object from one annotated example: CapeFormer as a ROS 2 node."""

import os
import sys
from pathlib import Path

# The generated cape_ros.msg and cape_ros.srv lie in a folder cape_ros of their own: that of a
# sourced workspace, or of the environment that `make` made. Told by what rosidl generates, since
# a checkout, too, is a folder cape_ros with msg/ and srv/ in it.
__path__ += [
    str(folder)
    for folder in (Path(entry, __name__) for entry in sys.path)
    if str(folder) not in __path__ and (folder / "msg" / "__init__.py").is_file()
]

# Before PyTorch is loaded: by default its idle threads spin, and on a CPU that other programs use
# too, which is every robot's, a frame then takes seconds in place of tens of milliseconds.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"
