"""Keypoints of any object from one annotated example: CapeFormer as a ROS 2 node."""

from pkgutil import extend_path

# A sourced ROS 2 overlay holds the generated cape_ros.msg and cape_ros.srv, also named cape_ros.
__path__ = extend_path(__path__, __name__)

__version__ = "0.1.0"
