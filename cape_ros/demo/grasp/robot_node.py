"""The robot as ROS sees it: a camera with depth, its place in TF, and ears for the results."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
from geometry_msgs.msg import Quaternion, Transform, TransformStamped, Vector3
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.time import Time
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage

from cape_ros.demo.camera_node import TOPIC
from cape_ros.demo.grasp.depth_camera import SIZE, Shot
from cape_ros.demo.grasp.scene import BASE
from cape_ros.messages.images import to_array
from cape_ros.msg import KeypointArray, ObjectKeypoints3DArray
from cape_ros.perception.spatial import CameraModel
from cape_ros.ros.conversions import octets, to_image
from cape_ros.ros.shape_messages import to_camera_info

DEPTH_TOPIC = "/camera/depth/image_raw"
INFO_TOPIC = "/camera/camera_info"
OPTICAL = "camera_optical_frame"
KEPT = 30  # results of each kind
RELIABLE = QoSProfile(depth=KEPT)  # what a demo counts shall not get lost


class RobotNode(Node):
    """model: of the camera.

    flat, spaces, overlays: the newest results by the stamp of their image, in nanoseconds.
    """

    def __init__(self, model: CameraModel, with_overlay: bool) -> None:
        super().__init__("simulated_robot")
        self.flat: OrderedDict[int, Any] = OrderedDict()
        self.spaces: OrderedDict[int, Any] = OrderedDict()
        self.overlays: OrderedDict[int, np.ndarray] = OrderedDict()
        self._info = to_camera_info(model, SIZE)
        self._image = self.create_publisher(Image, TOPIC, RELIABLE)
        self._depth = self.create_publisher(Image, DEPTH_TOPIC, RELIABLE)
        self._infos = self.create_publisher(CameraInfo, INFO_TOPIC, RELIABLE)
        self._tf = self.create_publisher(TFMessage, "/tf", QoSProfile(depth=100))
        for kind, name, kept in (
            (KeypointArray, "/cape/keypoints", self.flat),
            (ObjectKeypoints3DArray, "/cape/keypoints_3d", self.spaces),
        ):

            def take(message: Any, kept: OrderedDict[int, Any] = kept) -> None:
                _keep(kept, message.header.stamp, message)

            self.create_subscription(kind, name, take, RELIABLE)
        if with_overlay:
            self.create_subscription(Image, "/cape/overlay", self._on_overlay, RELIABLE)

    def heard(self) -> bool:
        """Whether the node listens to the camera and to TF's first words."""
        return all(each.get_subscription_count() for each in (self._image, self._infos))

    def has_results(self, stamp: int) -> bool:
        """Whether those of the image with this stamp have come."""
        return stamp in self.flat and stamp in self.spaces

    def publish(self, shot: Shot) -> int:
        """The stamp of the image, in nanoseconds."""
        stamp = self.get_clock().now()
        header = Header(stamp=stamp.to_msg(), frame_id=OPTICAL)
        self._tf.publish(TFMessage(transforms=[_transform(shot, header.stamp)]))
        self._info.header = header
        self._infos.publish(self._info)
        height, width = shot.depth.shape
        self._depth.publish(
            Image(
                header=header,
                height=height,
                width=width,
                encoding="16UC1",
                step=2 * width,
                data=octets(shot.depth.view(np.uint8)),
            )
        )
        self._image.publish(to_image(shot.image, header))
        return int(stamp.nanoseconds)

    def _on_overlay(self, message: Image) -> None:
        _keep(self.overlays, message.header.stamp, to_array(message))


def _keep(kept: OrderedDict[int, Any], stamp: Any, what: Any) -> None:
    kept[Time.from_msg(stamp).nanoseconds] = what
    if len(kept) > KEPT:
        kept.popitem(last=False)


def _transform(shot: Shot, stamp: Any) -> TransformStamped:
    x, y, z = shot.camera.translation.tolist()
    qx, qy, qz, qw = shot.camera.quaternion.tolist()
    return TransformStamped(
        header=Header(stamp=stamp, frame_id=BASE),
        child_frame_id=OPTICAL,
        transform=Transform(
            translation=Vector3(x=x, y=y, z=z), rotation=Quaternion(x=qx, y=qy, z=qz, w=qw)
        ),
    )
