"""Keypoints of any object from one annotated example: CapeFormer as a ROS 2 node."""

import os
from pkgutil import extend_path

# A sourced ROS 2 overlay holds the generated cape_ros.msg and cape_ros.srv, also named cape_ros.
__path__ = extend_path(__path__, __name__)

# Before PyTorch is loaded: by default its idle threads spin, and on a CPU that other programs use
# too, which is every robot's, a frame then takes seconds in place of tens of milliseconds.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"
