"""The inputs of one camera: messages become frames for the server."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from cape_ros.core.errors import Fault, InvalidInput
from cape_ros.core.throttled_log import ThrottledLog
from cape_ros.messages.camera_info import CameraInfoReader
from cape_ros.messages.images import read_image
from cape_ros.perception.geometry import box_faults
from cape_ros.perception.objects import ObjectRequest
from cape_ros.perception.spatial import CameraModel
from cape_ros.perception.tracking import CaptureTime
from cape_ros.ros import compat, parameters
from cape_ros.ros.depth import DepthInput
from cape_ros.ros.detections import class_map, to_requests
from cape_ros.ros.frame_buffer import FrameBuffer
from cape_ros.ros.latched_info import LatchedInfo
from cape_ros.ros.meters import NANOSECONDS, CameraMeter, nanoseconds
from cape_ros.ros.pairing import Pairing
from cape_ros.ros.topics import is_remapped, transport_topic
from cape_ros.server.server import Frame, Server

logger = logging.getLogger(__name__)


class Camera:
    """Listens between `start` and `stop`. name: "" for the only one; values: all parameters."""

    def __init__(
        self,
        node: Node,
        name: str,
        values: parameters.Values,
        server: Server,
        frames: FrameBuffer,
    ) -> None:
        self.name = name
        self.key = key_of(name)
        self.topic = topic(name, "image")  # where images come from; its full name once started
        self.meter = CameraMeter()
        self._time = CaptureTime()
        self.info: CameraInfo | None = None
        self._latched_info: LatchedInfo | None = None  # once it listens
        self._latched_depth_info: LatchedInfo | None = None  # if depth has one of its own
        self.depth = DepthInput()
        self._info_reader = CameraInfoReader()
        self._reading = threading.Lock()  # of that reader
        self.values = values  # replaced as a whole when a parameter changes
        self._node = node
        self._server = server
        self._frames = frames
        self._log = ThrottledLog(logger)
        self._subscriptions: list[Subscription] = []
        self._pairing: Pairing[Frame, Any] = Pairing(
            self.get("detections_wait"), self._submit_pair, self._count_unpaired
        )

    def get(self, name: str) -> Any:
        """The value of a parameter that counts for this camera."""
        return parameters.of(self.values, self.name, name)

    def start(self) -> None:
        name = topic(self.name, "image")
        base = self._node.resolve_topic_name(name)
        reliable = self.get("image_reliability") == "reliable"
        qos = QoSProfile(
            depth=self.get("image_depth"),
            reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        )
        self.meter.numbers.restart()
        on_image = compat.numbered(self._guarded(self._on_numbered_image))
        if self.get("image_transport") == "compressed":
            base, self.topic = transport_topic(self._node, name, "compressed")
            self._subscribe(CompressedImage, self.topic, on_image, qos, self._on_lost)
        else:
            self.topic = base
            self._subscribe(Image, name, on_image, qos, self._on_lost)
        sensor = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        info = self._info_topic(base, "camera_info")
        self._latched_info = self._subscribe_info(info, self._on_info, sensor)
        self._listen_to_depth(self._node.resolve_topic_name(info), sensor)
        if self.get("boxes") == "detections":
            several = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)
            detections = topic(self.name, "detections_in")
            kind = compat.vision_msgs.Detection2DArray
            self._subscribe(kind, detections, self._guarded(self._on_detections), several)

    def stop(self) -> None:
        """Idempotent. A callback in progress still ends."""
        self._latched_info = self._latched_depth_info = None
        subscriptions, self._subscriptions = self._subscriptions, []
        for subscription in subscriptions:
            self._node.destroy_subscription(subscription)
        self._pairing.clear()

    def _listen_to_depth(self, info: str, sensor: QoSProfile) -> None:
        """info: topic of the image's own CameraInfo; that of depth beside it may be the same."""
        name = topic(self.name, "depth")
        base = self.depth.topic = self._node.resolve_topic_name(name)
        kind: Any = Image
        if self.get("depth_transport") == "compressedDepth":
            base, name = transport_topic(self._node, name, "compressedDepth")
            kind, self.depth.topic = CompressedImage, name
        self._subscribe(kind, name, self._guarded(self._on_depth), sensor)
        own = self._info_topic(base, "depth_camera_info")
        if self._node.resolve_topic_name(own) != info:
            self._latched_depth_info = self._subscribe_info(own, self._on_depth_info, sensor)

    def _subscribe(
        self,
        kind: Any,
        name: str,
        callback: Any,
        qos: QoSProfile,
        on_lost: compat.OnLost | None = None,
    ) -> None:
        group = MutuallyExclusiveCallbackGroup()
        self._subscriptions.append(
            compat.create_subscription(
                self._node, kind, name, callback, qos, group, self.report_mismatch, on_lost
            )
        )

    def _subscribe_info(
        self, name: str, callback: Callable[[CameraInfo], None], qos: QoSProfile
    ) -> LatchedInfo:
        guarded = self._guarded(callback)
        self._subscribe(CameraInfo, name, guarded, qos)
        return LatchedInfo(self._node, name, guarded, self._subscriptions.append)

    def _guarded(self, callback: Callable[..., None]) -> Callable[..., None]:
        """A message that makes any library raise is refused, and the node goes on."""

        def handle(message: Any, *number: int | None) -> None:
            try:
                callback(message, *number)
            except Exception as error:
                if not self._node.context.ok():  # stopped meanwhile
                    return
                self._server.reject(error)
                kind = type(error).__name__
                text = f"{self.key}: a message is refused: {kind}: {error}"
                self._log.log(logging.ERROR, kind, text, error)

        return handle

    def _info_topic(self, image: str, name: str) -> str:
        """camera_info beside the image, as all cameras have it, unless `name` was remapped."""
        own = topic(self.name, name)
        if is_remapped(self._node, own):
            return own
        return f"{image.rpartition('/')[0]}/camera_info"

    def report_mismatch(self, where: str, what: str) -> None:
        self.meter.qos[where] = what
        self._log.log(logging.WARNING, f"qos {where}", what)

    def _on_numbered_image(self, message: Image | CompressedImage, number: int | None) -> None:
        self.meter.numbers.see(number, self._publishers)
        self._on_image(message)

    def _publishers(self) -> int:
        return int(self._node.count_publishers(self.topic))

    def _on_lost(self, images: int) -> None:
        self.meter.lost += images

    def _on_image(self, message: Image | CompressedImage) -> None:
        began = time.monotonic()
        if self.info is None and (latched := self._latched_info):  # another thread may stop
            latched.look()
        stamp = nanoseconds(message.header.stamp)
        self.meter.arrived(stamp, self._node.get_clock().now().nanoseconds)
        if before := self.meter.stamps.see(stamp):
            text = f"{self.key}: a stamp is earlier than the one before; the clock has jumped"
            self._log.log(logging.WARNING, "jump", text)
            self._pairing.jump(before, stamp)
        try:
            image = read_image(message, fast=True)
            requests = self._region_requests(image.shape[1], image.shape[0])
        except InvalidInput as error:
            self.meter.refused += 1
            self._reject(error, "image")
            return
        except Exception:  # of a library; `_guarded` refuses the message
            self.meter.refused += 1
            raise
        self._frames.add(self.key, message)
        taken = self._time.of(stamp / NANOSECONDS, began)
        frame = Frame(self.key, image, message.header, requests, began, taken)
        if self.get("boxes") == "detections":
            self._pairing.add_image(stamp, frame, self._tolerance())
        else:
            self._server.submit(frame)
        self.meter.received(began)

    def _region_requests(self, width: int, height: int) -> Sequence[ObjectRequest] | None:
        """None where the node finds the objects itself, or a detector does."""
        if self.get("boxes") != "region":
            return None
        box = tuple(self.get("region"))
        if faults := box_faults(box, width, height, field="region"):
            raise InvalidInput(faults)
        return [ObjectRequest(name, box) for name in self._server.active(self.key)]

    def model(self, size: tuple[int, int]) -> CameraModel | None:
        """The camera's model for images of that size (width, height), if it is calibrated; a
        CameraInfo that cannot be used is logged once."""
        with self._reading:
            before = self._info_reader.fault
            model = self._info_reader.model(self.info, self.get("image_rectified"), size)
            fault = self.meter.camera_info_fault = self._info_reader.fault
        if fault and fault != before:
            self._log.log(logging.WARNING, "camera_info", f"{self.key}: {fault}")
        return model

    def output_failed(self, name: str, error: Exception) -> None:
        """Count and log it; the other outputs go on."""
        self.meter.failed_outputs[name] = self.meter.failed_outputs.get(name, 0) + 1
        text = f"{self.key}: {name} cannot be published: {type(error).__name__}: {error}"
        self._log.log(logging.ERROR, name, text, error)

    def space_fault(self, about: str, text: str) -> None:
        """What is wrong now with the 3-D results; "" = nothing. Logged when it begins."""
        faults = self.meter.space.faults
        if not text:
            faults.pop(about, None)
            return
        if about not in faults:
            self._log.log(logging.WARNING, f"3-D {about}", f"{self.key}: {text}")
        faults[about] = text

    def _on_info(self, message: CameraInfo) -> None:
        self.info = message
        self.meter.camera_info = True

    def _on_depth_info(self, message: CameraInfo) -> None:
        self.depth.info = message

    def _on_depth(self, message: Image | CompressedImage) -> None:
        self.meter.space.depth += 1
        if self.depth.info is None and (latched := self._latched_depth_info):
            latched.look()
        self.depth.add(message)

    def _on_detections(self, message: Any) -> None:
        self._pairing.add_boxes(nanoseconds(message.header.stamp), message, self._tolerance())

    def _tolerance(self) -> int:
        return int(self.get("detections_tolerance") * NANOSECONDS)

    def _submit_pair(self, frame: Frame, detections: Any) -> None:
        known, active = self._server.categories, self._server.active(self.key)
        height, width = frame.image.shape[:2]
        requests, faults = to_requests(
            detections,
            class_map(self.get("class_categories")),
            known.__contains__,
            active.__contains__,
            (width, height),
        )
        if faults:
            self._reject(InvalidInput(_in_own_words(faults)), "detections")
        self._server.submit(replace(frame, requests=requests))

    def _count_unpaired(self, images: int) -> None:
        self.meter.unmatched += images

    def _reject(self, error: InvalidInput, what: str) -> None:
        self._server.reject(error)
        text = f"{self.key}: {what} rejected: {error}"
        self._log.log(logging.WARNING, what, text)


def topic(camera: str, name: str) -> str:
    """`~/image`, or `~/left/image` of a camera with a name."""
    return f"~/{camera}/{name}" if camera else f"~/{name}"


def key_of(camera: str) -> str:
    """The name of a camera in the server, the log and the diagnostics."""
    return camera or "image"


def _in_own_words(faults: Sequence[Fault], most: int = 3) -> Sequence[Fault]:
    """The first few: a detector may send hundreds, thirty times a second."""
    return [*faults[:most], Fault("detections", f"{len(faults)} are refused")][: len(faults)]
