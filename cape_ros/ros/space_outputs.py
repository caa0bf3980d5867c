"""3-D results of one camera: on a thread of their own, after the 2-D ones, once depth is there."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from rclpy.publisher import Publisher
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage

from cape_ros.core.errors import CapeError
from cape_ros.msg import ObjectKeypoints3DArray
from cape_ros.perception.space import ImageInSpace, ObjectInSpace, Sight, SpaceEstimator
from cape_ros.perception.spatial import CameraModel, DepthImage
from cape_ros.ros import compat, space_messages
from cape_ros.ros.camera import Camera, topic
from cape_ros.ros.sights import SightReader
from cape_ros.ros.transforms import TransformListener
from cape_ros.server.server import Result

MOST_WAITING = 8  # results; one more, and the oldest is left out


class SpaceOutputs:
    """Publishes what somebody listens to.

    trusted: the present least score of a keypoint. on_image: called with each result and what is
    known of it in space, for outputs that are not of this kind; wanted: whether one is for them.
    """

    def __init__(
        self,
        node: Node,
        camera: Camera,
        transforms: TransformListener,
        trusted: Callable[[], float],
        wanted: Callable[[Result], bool],
        on_image: Callable[[Result, ImageInSpace], None],
    ) -> None:
        self._node = node
        self._camera = camera
        self._transforms = transforms
        self._sights = SightReader(node, camera, transforms)
        self._trusted = trusted
        self._wanted = wanted
        self._on_image = on_image
        self._meter = camera.meter.space
        self._estimator = SpaceEstimator()
        self._waiting: deque[tuple[Result, float]] = deque()  # until when by time.monotonic
        self._changed = threading.Condition()
        self._closed = False
        self._working = False
        self._discarding = False
        self._ends = ExitStack()
        self.keypoints = self._publisher(ObjectKeypoints3DArray, "keypoints_3d", 10)
        self.detections: Publisher | None = None
        if compat.vision_msgs is not None:
            kind = compat.vision_msgs.Detection3DArray
            self.detections = self._publisher(kind, "detections_3d", 10)
        self.frames = self._publisher(PoseStamped, "frames", 10)
        self.points = self._publisher(PointCloud2, "points", 10)
        self._tf = node.create_publisher(TFMessage, "/tf", 100)
        self._ends.callback(node.destroy_publisher, self._tf)
        self._thread = threading.Thread(target=self._run, name=f"space {camera.key}", daemon=True)
        camera.depth.on_arrival = self._wake
        self._thread.start()

    def _publisher(self, kind: Any, name: str, depth: int) -> Publisher:
        camera = self._camera
        made = compat.create_publisher(
            self._node, kind, topic(camera.name, name), depth, camera.report_mismatch
        )
        self._ends.callback(self._node.destroy_publisher, made)
        return made

    @property
    def has_depth(self) -> bool:
        """Whether a depth camera publishes."""
        return self._sights.has_depth

    def offer(self, result: Result) -> None:
        """Called on the model's thread; returns at once."""
        if not (self._is_heard() or self._wanted(result) or self._is_for_tf(result)):
            return
        until = time.monotonic() + float(self._camera.get("depth_wait"))
        with self._changed:
            self._waiting.append((result, until))
            if len(self._waiting) > MOST_WAITING:
                self._waiting.popleft()
                self._meter.skipped += 1
            self._changed.notify_all()

    def seen(
        self, header: Any, size: tuple[int, int]
    ) -> tuple[CameraModel | None, DepthImage | None]:
        """The calibration and the depth of an image of this camera, as far as they are known; may
        wait for depth."""
        until = time.monotonic() + float(self._camera.get("depth_wait"))
        try:
            sight = self._sights.read(header, size, until, self._changed, lambda: self._closed)
        except CapeError:
            return self._camera.model(size), None
        return sight.model, sight.depth_on(size)

    def discard(self) -> None:
        """Publish nothing of what was offered so far."""
        with self._changed:
            self._waiting.clear()
            self._discarding = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._working)
            self._discarding = False

    def close(self) -> None:
        """Finish what is being computed, forget what waits. Idempotent."""
        self._camera.depth.on_arrival = lambda: None
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()
        self._thread.join()
        self._ends.close()

    def _is_heard(self) -> bool:
        publishers = (self.keypoints, self.detections, self.frames, self.points)
        return any(each and each.get_subscription_count() for each in publishers)

    def _is_tf_heard(self) -> bool:
        others = self._tf.get_subscription_count() - self._transforms.subscriptions
        return self._camera.values["publish_tf"] and others > 0

    def _is_for_tf(self, result: Result) -> bool:
        return self._is_tf_heard() and any(
            category is not None and (category.shape is not None or category.frames)
            for category in (result.categories.get(one.category) for one in result.objects)
        )

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
                result, until = self._waiting.popleft()
                self._working = True
            try:
                self._process(result, until)
            except Exception as error:
                if self._node.context.ok():
                    self._camera.output_failed("3-D results", error)
            with self._changed:
                self._working = False
                self._changed.notify_all()

    @property
    def _stops(self) -> bool:
        return self._closed or self._discarding

    def _process(self, result: Result, until: float) -> None:
        seen = ImageInSpace(None)
        header, size = result.frame.header, result.frame.image.shape[1::-1]
        target = self._camera.values["target_frame"]
        trouble = ""
        try:
            sight = self._sights.read(
                header, size, until, self._changed, lambda: self._stops, target, self._missed
            )
        except CapeError as error:
            trouble = f"no 3-D results: {error}"
            seen = ImageInSpace(None, trouble=trouble)
        if self._stops:
            return
        self._camera.space_fault("results", trouble)
        if not trouble:
            seen = ImageInSpace(sight, self._estimate(result, sight))
            if target:
                header = Header(stamp=header.stamp, frame_id=target)
            self._publish(seen.objects, header)
        self._on_image(result, seen)

    def _missed(self) -> None:
        self._meter.without_depth += 1

    def _estimate(self, result: Result, sight: Sight) -> Sequence[ObjectInSpace]:
        began = time.perf_counter()
        objects = self._estimator.estimate(
            result.objects, result.categories, sight, self._trusted()
        )
        if objects:
            self._meter.took.append((time.perf_counter() - began) / len(objects))
        self._count_refused(objects)
        return objects

    def _publish(self, objects: Sequence[ObjectInSpace], header: Any) -> None:
        """One output that fails does not stop the others."""
        camera = self._camera
        names = space_messages.frame_names(camera.values["frame_prefix"], camera.name, objects)
        self._meter.results += 1
        for name, publish in (
            ("TF", self._publish_tf),
            ("keypoints_3d", self._publish_keypoints),
            ("detections_3d", self._publish_detections),
            ("frames", self._publish_frames),
            ("points", self._publish_points),
        ):
            try:
                publish(objects, names, header)
            except Exception as error:
                if self._node.context.ok():
                    camera.output_failed(name, error)

    def _publish_tf(
        self, objects: Sequence[ObjectInSpace], names: Sequence[str], header: Any
    ) -> None:
        if not self._is_tf_heard():
            return
        transforms = space_messages.to_transforms(objects, names, header)
        self._camera.space_fault("TF", "")
        if transforms and not header.frame_id:
            self._camera.space_fault("TF", "images come without a frame_id: TF is not published")
        elif transforms:
            self._tf.publish(TFMessage(transforms=transforms))

    def _publish_keypoints(
        self, objects: Sequence[ObjectInSpace], names: Sequence[str], header: Any
    ) -> None:
        if self.keypoints.get_subscription_count():
            array = space_messages.to_keypoints_3d_array(objects, names, header)
            self.keypoints.publish(array)

    def _publish_detections(
        self, objects: Sequence[ObjectInSpace], names: Sequence[str], header: Any
    ) -> None:
        if self.detections is not None and self.detections.get_subscription_count():
            self.detections.publish(space_messages.to_detections_3d(objects, header))

    def _publish_frames(
        self, objects: Sequence[ObjectInSpace], names: Sequence[str], header: Any
    ) -> None:
        if self.frames.get_subscription_count():
            for message in space_messages.to_frames(objects, header):
                self.frames.publish(message)

    def _publish_points(
        self, objects: Sequence[ObjectInSpace], names: Sequence[str], header: Any
    ) -> None:
        if self.points.get_subscription_count():
            self.points.publish(space_messages.to_cloud(objects, header))

    def _count_refused(self, objects: Sequence[ObjectInSpace]) -> None:
        for one in objects:
            if one.found.predicted:
                continue
            if one.refusal and not one.has_no_shape:
                self._meter.refused[f"{one.found.category}: {one.refusal}"] += 1
            for frame in one.frames:
                if frame.reason:
                    name = f"{one.found.category}/{frame.name}"
                    self._meter.refused[f"{name}: {frame.reason}"] += 1
