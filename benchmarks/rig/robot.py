"""Who listens to the node and calls its services, in the process of the benchmark."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, QoSProfile

from cape_ros.demo.registrar import to_request
from cape_ros.msg import CategoryArray, KeypointArray
from cape_ros.perception.category import Category
from cape_ros.ros.meters import nanoseconds
from cape_ros.server.server import RegisterMode
from cape_ros.srv import RegisterCategory, RemoveCategory

SECONDS = 60.0  # for the node to start
OTHERS = 1.0  # [s] to discover a node that is running already
SETTLING = 0.5  # [s] until a service knows its client
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class Robot:
    """Its callbacks run on a thread of its own. check: raises what ends any waiting."""

    def __init__(self) -> None:
        self.check: Callable[[], None] = lambda: None
        self.heard: list[tuple[int, int]] = []  # of each result: stamp and arrival, nanoseconds
        self.found = 0  # results that hold an object
        self.categories: Any = None
        self.diagnostics: dict[str, dict[str, str]] = {}
        rclpy.init(args=[])
        self.node = rclpy.create_node("benchmark")
        self.node.create_subscription(KeypointArray, "/cape/keypoints", self._on_keypoints, 50)
        self.listen(self._on_categories)
        self.node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)
        self._register = self.node.create_client(RegisterCategory, "/cape/register_category")
        self._remove = self.node.create_client(RemoveCategory, "/cape/remove_category")
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self._closed = False
        self._thread = threading.Thread(target=self._spin)
        self._thread.start()

    def __enter__(self) -> Robot:
        return self

    def __exit__(self, *error: object) -> None:
        self._closed = True
        self._thread.join()
        self._executor.shutdown()
        self.node.destroy_node()
        rclpy.try_shutdown()

    def listen(self, callback: Callable[[Any], object]) -> None:
        """To the latched categories: the last ones come at once."""
        self.node.create_subscription(CategoryArray, "/cape/categories", callback, LATCHED)

    def wait(self, condition: Callable[[], object], seconds: float) -> bool:
        """Whether it came true in that time."""
        end = time.monotonic() + seconds
        while not condition():
            self.check()
            if time.monotonic() > end:
                return False
            time.sleep(0.005)
        return True

    def expect_no_other_node(self) -> None:
        """Raises RuntimeError if there is one before that of the benchmark has started."""
        if self._register.wait_for_service(OTHERS):
            raise RuntimeError(
                "a node /cape is running in this ROS domain; stop it, or set ROS_DOMAIN_ID"
            )

    def wait_for_node(self) -> None:
        """Raises RuntimeError if it does not come."""
        clients = (self._register, self._remove)
        if not self.wait(
            lambda: all(c.service_is_ready() for c in clients) and self.categories, SECONDS
        ):
            raise RuntimeError(f"the node did not start within {SECONDS:.0f} s")
        time.sleep(SETTLING)

    def register(self, category: Category, mode: RegisterMode, seconds: float) -> Any:
        """The answer, None if there is none in time."""
        return self._call(self._register, to_request(category, mode), seconds)

    def remove(self, name: str, seconds: float) -> Any:
        return self._call(self._remove, RemoveCategory.Request(name=name), seconds)

    def shows(self, name: str, version: int) -> bool:
        """Whether the categories that were heard last have this version; 0 = not this name."""
        versions = {c.name: c.version for c in self.categories.categories}
        return versions.get(name, 0) == version

    def _call(self, client: Any, request: Any, seconds: float) -> Any:
        future = client.call_async(request)
        return future.result() if self.wait(future.done, seconds) else None

    def _spin(self) -> None:
        while not self._closed and rclpy.ok():
            self._executor.spin_once(0.1)

    def _on_keypoints(self, message: Any) -> None:
        self.heard.append((nanoseconds(message.header.stamp), time.time_ns()))
        self.found += bool(message.objects)

    def _on_categories(self, message: Any) -> None:
        self.categories = message

    def _on_diagnostics(self, message: Any) -> None:
        for status in message.status:
            if status.name.startswith("cape: "):
                values = {each.key: each.value for each in status.values}
                self.diagnostics[status.name.removeprefix("cape: ")] = values
