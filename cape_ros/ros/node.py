"""The node `/cape`: images and registrations in, keypoints out."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from rcl_interfaces.msg import SetParametersResult
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.exceptions import ParameterException
from rclpy.executors import ExternalShutdownException, MultiThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from cape_ros.errors import CapeError, InvalidInput
from cape_ros.msg import CategoryArray, KeypointArray
from cape_ros.perception.category import Category
from cape_ros.perception.estimator import Estimator
from cape_ros.perception.follow import Trust
from cape_ros.perception.library import CategoryLibrary
from cape_ros.ros import MIDDLEWARE, parameters
from cape_ros.ros.conversions import (
    to_array,
    to_category,
    to_category_array,
    to_keypoint_array,
)
from cape_ros.ros.overlay_publisher import OverlayPublisher
from cape_ros.ros.parameters import PARAMETERS
from cape_ros.server import Frame, RegisterMode, Result, Server
from cape_ros.srv import RegisterCategory, RemoveCategory

FRAMES_KEPT = 16  # that a registration may refer to by their stamp
logger = logging.getLogger(__name__)


class CapeNode(Node):
    """Converts between ROS messages and the server.

    Raises `CapeError` if the weights, the device or the library cannot be used.
    """

    def __init__(self) -> None:
        self._ends = ExitStack()
        super().__init__("cape")
        try:
            self._begin()
        except BaseException:
            self.destroy_node()
            raise

    def _begin(self) -> None:
        values = parameters.declare(self)
        estimator = Estimator.load(values["weights"], values["device"], values["precision"])
        library = CategoryLibrary(_folder(values["library"]))
        for damaged in library.damaged:
            self.get_logger().error(f"library: set aside {damaged}")
        trust = _trust(values)
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._keypoints = self.create_publisher(KeypointArray, "~/keypoints", 10)
        self._categories = self.create_publisher(CategoryArray, "~/categories", latched)
        self._overlay = OverlayPublisher(self.create_publisher(Image, "~/overlay", 1), trust.point)
        self._frames: deque[Image] = deque(maxlen=FRAMES_KEPT)
        log = LogForwarder(self)
        logging.getLogger("cape_ros").addHandler(log)
        self._ends.callback(logging.getLogger("cape_ros").removeHandler, log)
        self.server = Server(
            estimator, library, trust, self._publish_result, self._publish_categories
        )
        self._ends.callback(self._overlay.close)
        self._ends.callback(self.server.close)  # the first to end: it feeds the others
        self._publish_categories(self.server.categories, self.server.database_version)
        self.add_on_set_parameters_callback(self._on_parameters)
        # A registration waits for the model, so it must not share a group with the images.
        registration = MutuallyExclusiveCallbackGroup()
        self.create_service(
            RegisterCategory, "~/register_category", self._on_register, callback_group=registration
        )
        self.create_service(
            RemoveCategory, "~/remove_category", self._on_remove, callback_group=registration
        )
        self.create_subscription(
            Image,
            "~/image",
            self._on_image,
            QoSProfile(
                depth=values["image_depth"],
                reliability=ReliabilityPolicy.RELIABLE
                if values["image_reliability"] == "reliable"
                else ReliabilityPolicy.BEST_EFFORT,
            ),
            callback_group=MutuallyExclusiveCallbackGroup(),
        )
        self.get_logger().info(
            f"ready on {estimator.device} with {len(self.server.categories)} categories, "
            f"speaking through {MIDDLEWARE}"
        )

    def destroy_node(self) -> None:
        """End the server, then the topics and services. A second time is harmless."""
        self._ends.close()
        super().destroy_node()

    def _on_image(self, message: Image) -> None:
        try:
            image = to_array(message)
        except InvalidInput as error:
            self.server.reject(error)
            self.get_logger().warning(f"image rejected: {error}", throttle_duration_sec=5.0)
            return
        self._frames.append(message)
        self.server.submit(Frame("image", image, message.header))

    def _on_register(
        self, request: RegisterCategory.Request, response: RegisterCategory.Response
    ) -> RegisterCategory.Response:
        return self._answer(response, partial(self._register, request, response))

    def _on_remove(
        self, request: RemoveCategory.Request, response: RemoveCategory.Response
    ) -> RemoveCategory.Response:
        return self._answer(response, partial(self._remove, request))

    def _answer(self, response: Any, command: Callable[[], str]) -> Any:
        """Say what the command did, or why it did nothing. Whatever happens, the node goes on."""
        try:
            response.message = command()
            response.success = True
            self.get_logger().info(response.message)
        except Exception as error:
            self.server.reject(error)
            if isinstance(error, CapeError):
                response.message = str(error)
                self.get_logger().warning(f"refused: {error}")
            else:
                response.message = f"internal error, see the node's log: {error}"
                logger.exception("a command failed")
        return response

    def _register(
        self, request: RegisterCategory.Request, response: RegisterCategory.Response
    ) -> str:
        try:
            mode = RegisterMode(request.mode)
        except ValueError:
            raise InvalidInput.of(
                "mode", f"{request.mode} is none of CREATE=0, REPLACE=1, ADD_SHOTS=2"
            ) from None
        if mode == RegisterMode.ADD_SHOTS and not request.keypoint_names:
            request.keypoint_names = list(self.server.find(request.name).keypoint_names)
        stored = self.server.register(to_category(request, self._frame), mode)
        response.version = stored.version
        return (
            f"{stored.name} version {stored.version}: {len(stored.keypoint_names)} keypoints, "
            f"{len(stored.shots)} shots"
        )

    def _remove(self, request: RemoveCategory.Request) -> str:
        self.server.remove(request.name)
        return f"{request.name} is forgotten"

    def _on_parameters(self, changed: list[Parameter]) -> SetParametersResult:
        values = {entry.name: self.get_parameter(entry.name).value for entry in PARAMETERS}
        values |= {parameter.name: parameter.value for parameter in changed}
        try:
            parameters.check(values)
        except InvalidInput as error:
            return SetParametersResult(successful=False, reason=str(error))
        self.server.trust = trust = _trust(values)
        self._overlay.trusted = trust.point
        return SetParametersResult(successful=True)

    def _frame(self, stamp: Any) -> np.ndarray | None:
        """The buffered image with that stamp, the newest one for a zero stamp, None if gone."""
        newest_first = list(self._frames)[::-1]
        if not (stamp.sec or stamp.nanosec):
            return to_array(newest_first[0]) if newest_first else None
        for message in newest_first:
            if message.header.stamp == stamp:
                return to_array(message)
        return None

    def _publish_result(self, result: Result) -> None:
        if not self.context.ok():  # stopped while the frame was in work
            return
        header = result.frame.header
        self._keypoints.publish(to_keypoint_array(result.objects, header, self.server.trust.point))
        self._overlay.offer(result)

    def _publish_categories(self, categories: Mapping[str, Category], version: int) -> None:
        header = Header(stamp=self.get_clock().now().to_msg())
        self._categories.publish(to_category_array(categories, version, header))


class LogForwarder(logging.Handler):
    """What the rooms below log, in the node's log."""

    def __init__(self, node: Node) -> None:
        super().__init__(logging.WARNING)
        self._logger = node.get_logger()

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        if record.levelno >= logging.ERROR:
            self._logger.error(text)
        else:
            self._logger.warning(text)


def _trust(values: Mapping[str, Any]) -> Trust:
    return Trust(values["trusted_point"], values["found_object"], values["kept_object"])


def _folder(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise InvalidInput.of("library", f"{text}: {error}") from error


def main(args: list[str] | None = None) -> int:
    """Run the node until it is told to stop; returns the exit status. For a process of its own."""
    _leave_interrupts_to_rclpy()
    node = executor = None
    try:
        rclpy.init(args=args)
        node = CapeNode()
        executor = MultiThreadedExecutor(num_threads=3)
        executor.add_node(node)
        executor.spin()
    except (CapeError, ParameterException) as error:
        print(f"cape_node: {error}", file=sys.stderr)
        return 1
    except ExternalShutdownException:
        pass
    finally:
        if executor is not None:
            executor.shutdown()
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
    return 0


def _leave_interrupts_to_rclpy() -> None:
    """SIGINT ends spinning; a KeyboardInterrupt besides, in any line, would break off the end.

    A node that `ros2 launch` started gets two of them at a Ctrl-C.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)


if __name__ == "__main__":
    sys.exit(main())
