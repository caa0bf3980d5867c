"""Publishers of one camera: results as messages, built only for topics with subscribers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rclpy.node import Node
from rclpy.publisher import Publisher
from sensor_msgs.msg import CompressedImage, Image
from visualization_msgs.msg import MarkerArray

from cape_ros.msg import KeypointArray
from cape_ros.perception.space import ImageInSpace, ObjectInSpace, SpaceInputs
from cape_ros.ros import compat
from cape_ros.ros.camera import Camera, topic
from cape_ros.ros.conversions import to_keypoint_array
from cape_ros.ros.detections import to_detections
from cape_ros.ros.markers import to_markers
from cape_ros.ros.meters import nanoseconds
from cape_ros.ros.overlay_publisher import OverlayPublisher, Style
from cape_ros.ros.projected_shots import ProjectedShots
from cape_ros.ros.space_outputs import SpaceOutputs
from cape_ros.ros.topics import transport_topic
from cape_ros.ros.transforms import TransformListener
from cape_ros.server.server import Result, Server

if TYPE_CHECKING:
    from cape_ros.studio.studio import Studio


class Outputs:
    """The publishers of one camera.

    server: takes views of its objects. style: how results are to be shown now. studio: the running
    one, which shows them too.
    """

    def __init__(
        self,
        node: Node,
        camera: Camera,
        server: Server,
        transforms: TransformListener,
        style: Callable[[], Style],
        studio: Callable[[], Studio | None] = lambda: None,
    ) -> None:
        self._node = node
        self._camera = camera
        self._style = style
        self._studio = studio
        self._projected = ProjectedShots(camera, server)
        self._ends = ExitStack()
        self.keypoints = self._publisher(KeypointArray, "keypoints", 10)
        self.raw_keypoints = self._publisher(KeypointArray, "keypoints_raw", 10)
        self.markers = self._publisher(MarkerArray, "markers", 1)
        self.detections: Publisher | None = None
        if compat.vision_msgs is not None:
            kind = compat.vision_msgs.Detection2DArray
            self.detections = self._publisher(kind, "detections", 10)
        _, compressed = transport_topic(node, topic(camera.name, "overlay"), "compressed")
        self.overlay = OverlayPublisher(
            self._publisher(Image, "overlay", 1),
            self._publisher_on(CompressedImage, compressed, 1),
            style,
        )
        self._ends.callback(self.overlay.close)
        self.space = SpaceOutputs(
            node,
            camera,
            transforms,
            trusted=lambda: style().trusted,
            wanted=self._is_wanted_in_space,
            on_image=self._show_in_space,
        )
        self._ends.callback(self.space.close)

    def _publisher(self, kind: Any, name: str, depth: int) -> Publisher:
        return self._publisher_on(kind, topic(self._camera.name, name), depth)

    def _publisher_on(self, kind: Any, name: str, depth: int) -> Publisher:
        made = compat.create_publisher(self._node, kind, name, depth, self._camera.report_mismatch)
        self._ends.callback(self._node.destroy_publisher, made)
        return made

    @property
    def space_inputs(self) -> SpaceInputs:
        """What this camera has for results in space."""
        return SpaceInputs(self._camera.info is not None, self.space.has_depth)

    def publish(self, result: Result) -> None:
        """Called on the model's thread; does not block. One that fails does not stop the others."""
        for name, publish in (
            ("keypoints", self._publish_keypoints),
            ("keypoints_raw", self._publish_raw_keypoints),
            ("detections", self._publish_detections),
            ("markers", self._publish_markers),
            ("overlay", self.overlay.offer),
            ("3-D results", self.space.offer),
        ):
            try:
                publish(result)
            except Exception as error:
                if self._node.context.ok():
                    self._camera.output_failed(name, error)

    def _publish_keypoints(self, result: Result) -> None:
        header, size = result.frame.header, result.frame.image.shape[:2]
        trusted = self._style().trusted
        self.keypoints.publish(to_keypoint_array(result.objects, header, size, trusted))
        now = self._node.get_clock().now().nanoseconds
        self._camera.meter.sent(nanoseconds(header.stamp), now)

    def _publish_raw_keypoints(self, result: Result) -> None:
        """As measured, without smoothing."""
        if self.raw_keypoints.get_subscription_count():
            objects = [
                one if one.measured is None else replace(one, keypoints=one.measured)
                for one in result.objects
                if not one.predicted
            ]
            header, size = result.frame.header, result.frame.image.shape[:2]
            trusted = self._style().trusted
            self.raw_keypoints.publish(to_keypoint_array(objects, header, size, trusted))

    def _publish_detections(self, result: Result) -> None:
        if self.detections is not None and self.detections.get_subscription_count():
            header, trusted = result.frame.header, self._style().trusted
            self.detections.publish(to_detections(result.objects, header, trusted))

    def _are_markers_in_space(self) -> bool:
        """Then they wait for depth."""
        return bool(self.markers.get_subscription_count()) and self.space.has_depth

    def _is_watched(self) -> bool:
        """Whether a viewer of Studio wants to see this camera's objects in space."""
        studio = self._studio()
        return studio is not None and studio.wants_space(self._camera.key)

    def _is_wanted_in_space(self, result: Result) -> bool:
        return (
            self._are_markers_in_space() or self._is_watched() or self._projected.is_wanted(result)
        )

    def _show_in_space(self, result: Result, seen: ImageInSpace) -> None:
        if self._are_markers_in_space():
            self._draw_markers(result, seen.objects)
        studio = self._studio()
        if studio is not None and self._is_watched():
            studio.offer_space(result, seen)
        self._projected.see(result, seen)

    def _publish_markers(self, result: Result) -> None:
        if self.markers.get_subscription_count() and not self.space.has_depth:
            self._draw_markers(result)

    def _draw_markers(self, result: Result, spaces: Sequence[ObjectInSpace] = ()) -> None:
        height, width = result.frame.image.shape[:2]
        model = self._camera.model((width, height))
        header, trusted = result.frame.header, self._style().trusted
        self.markers.publish(
            to_markers(result.objects, result.categories, header, trusted, model, spaces)
        )

    def close(self) -> None:
        """Idempotent."""
        self._ends.close()
