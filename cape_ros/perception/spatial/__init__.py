"""From pixels to metres in the camera's optical frame: x to the right, y down, z ahead."""

from cape_ros.perception.spatial.alignment import Alignment
from cape_ros.perception.spatial.camera_model import CameraModel
from cape_ros.perception.spatial.depth import DepthImage
from cape_ros.perception.spatial.frame_poses import NamedFrame, Places, locate
from cape_ros.perception.spatial.frames import FrameDefinition, read_frames
from cape_ros.perception.spatial.fusion import PoseFilter
from cape_ros.perception.spatial.lifting import KeypointState, LiftedKeypoints, lift
from cape_ros.perception.spatial.motion import shape_from_motion
from cape_ros.perception.spatial.pose import PoseEstimate, PoseRefusal, estimate_pose
from cape_ros.perception.spatial.rigid import Pose
from cape_ros.perception.spatial.shape import Shape
from cape_ros.perception.spatial.shape_builder import ShapeBuilder

__all__ = [
    "Alignment",
    "CameraModel",
    "DepthImage",
    "FrameDefinition",
    "KeypointState",
    "LiftedKeypoints",
    "NamedFrame",
    "Places",
    "Pose",
    "PoseEstimate",
    "PoseFilter",
    "PoseRefusal",
    "Shape",
    "ShapeBuilder",
    "estimate_pose",
    "lift",
    "locate",
    "read_frames",
    "shape_from_motion",
]
