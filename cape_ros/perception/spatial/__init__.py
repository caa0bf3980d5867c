"""From pixels to directions in the camera's optical frame: x to the right, y down, z ahead."""

from cape_ros.perception.spatial.camera_model import CameraModel

__all__ = ["CameraModel"]
