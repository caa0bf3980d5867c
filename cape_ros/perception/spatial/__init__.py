"""From pixels to metres in the camera's optical frame: x to the right, y down, z ahead."""

from cape_ros.perception.spatial.camera_model import CameraModel
from cape_ros.perception.spatial.depth import DepthImage, DepthNoise
from cape_ros.perception.spatial.lifting import KeypointState, LiftedKeypoints, lift

__all__ = [
    "CameraModel",
    "DepthImage",
    "DepthNoise",
    "KeypointState",
    "LiftedKeypoints",
    "lift",
]
