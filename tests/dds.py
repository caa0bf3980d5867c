"""The node on real DDS, in the domain that tests/conftest.py chose.

Where there is no rclpy, importing it skips the module that imports it.
"""

from __future__ import annotations

import importlib.util
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

os.environ["ROS_PYTHON_CHECK_FIELDS"] = "1"  # refuse what is no value of a field

if importlib.util.find_spec("rclpy") is None:
    pytest.skip("needs rclpy: a sourced ROS 2, or `make` on Linux x86-64", allow_module_level=True)

import rclpy
from builtin_interfaces.msg import Time
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.executors import MultiThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from cape_ros.msg import CategoryArray, Keypoint, KeypointArray, SupportShot
from cape_ros.perception.estimator import Estimator
from cape_ros.ros.conversions import to_image
from cape_ros.ros.node import CapeNode
from cape_ros.srv import RegisterCategory, RemoveCategory

SECONDS = 120.0  # after which a test gives up; a busy machine starts a process in a minute
SETTLING = 0.5
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
PIXELS = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
POINTS = [(30.0, 20.0), (70.0, 25.0), (65.0, 60.0), (25.0, 70.0)]
NAMES = ["a", "b", "c", "d"]
DEFAULTS = {"device": "cpu", "image_reliability": "reliable", "warm_up_size": [120, 90]}
EVERYTHING_IS_FOUND = {
    "max_instances": 1,
    "trusted_point": 0.0,
    "found_object": 0.0,
    "kept_object": 0.0,
}


def wait_for(condition: Callable[[], object]) -> None:
    """Return as soon as the condition holds; fail if it never does."""
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def image(seconds: int, pixels: np.ndarray = PIXELS) -> Image:
    """A camera's message with that stamp."""
    return to_image(pixels, Header(stamp=Time(sec=seconds), frame_id="camera"))


def shot(**changes: Any) -> SupportShot:
    keypoints = [Keypoint(x=x, y=y, visibility=Keypoint.VISIBLE) for x, y in POINTS]
    return SupportShot(**({"image": image(0), "keypoints": keypoints} | changes))


def registration(**changes: Any) -> RegisterCategory.Request:
    values: dict[str, Any] = {
        "name": "cup",
        "keypoint_names": NAMES,
        "edges": [0, 1, 1, 2],
        "shots": [shot()],
    }
    return RegisterCategory.Request(**(values | changes))


class Inbox:
    """What a subscription received."""

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self._arrived = threading.Condition()

    def __call__(self, message: Any) -> None:
        with self._arrived:
            self.messages.append(message)
            self._arrived.notify_all()

    def wait(self, wanted: Callable[[Any], bool] = lambda message: True) -> Any:
        """The first message that is wanted; fails if none comes."""

        def first() -> Any:
            return next((message for message in self.messages if wanted(message)), None)

        with self._arrived:
            found = self._arrived.wait_for(first, SECONDS)
        assert found is not None, f"not among {len(self.messages)} messages"
        return found


class Robot(Node):
    """What a user's program would do with the node. cameras: names as in the parameter."""

    def __init__(self, cameras: Sequence[str] = ("",), image: Any = Image) -> None:
        super().__init__("robot")
        ending = "/compressed" if image is CompressedImage else ""
        self.cameras = {
            name: self.create_publisher(image, f"{topic(name, 'image')}{ending}", 10)
            for name in cameras
        }
        self.camera = self.cameras[cameras[0]]
        self.found = {name: self.hear(KeypointArray, topic(name, "keypoints")) for name in cameras}
        self.keypoints = self.found[cameras[0]]
        self.categories = self.hear(CategoryArray, "/cape/categories", LATCHED)
        self._register = self.create_client(RegisterCategory, "/cape/register_category")
        self._remove = self.create_client(RemoveCategory, "/cape/remove_category")
        self._asked: dict[str, Any] = {}
        self._reached: set[str] = set()
        self._seconds = 100

    def hear(self, kind: Any, name: str, qos: Any = 10) -> Inbox:
        inbox = Inbox()
        self.create_subscription(kind, name, inbox, qos)
        return inbox

    def ask(self, kind: Any, service: str, **fields: Any) -> Any:
        """Call a service of the node."""
        if service not in self._asked:
            self._asked[service] = self.create_client(kind, f"/cape/{service}")
        return self.call(self._asked[service], kind.Request(**fields))

    def transition(self, number: int) -> bool:
        """What `ros2 lifecycle set` does; numbers as in lifecycle_msgs/Transition."""
        request = Transition(id=number)
        return bool(self.ask(ChangeState, "change_state", transition=request).success)

    def lifecycle_state(self) -> str:
        return str(self.ask(GetState, "get_state").current_state.label)

    def call(self, client: Any, request: Any) -> Any:
        self._reach(client)
        return answer(client.call_async(request))

    def _reach(self, client: Any) -> None:
        """Wait for the service, and a moment more until it has heard of this client in turn."""
        assert client.wait_for_service(SECONDS)
        if client.srv_name not in self._reached:
            self._reached.add(client.srv_name)
            time.sleep(SETTLING)

    def register(self, **changes: Any) -> RegisterCategory.Response:
        return self.call(self._register, registration(**changes))

    def begin_registration(self, **changes: Any) -> Any:
        self._reach(self._register)
        return self._register.call_async(registration(**changes))

    def remove(self, name: str) -> RemoveCategory.Response:
        return self.call(self._remove, RemoveCategory.Request(name=name))

    def begin_removal(self, name: str) -> Any:
        self._reach(self._remove)
        return self._remove.call_async(RemoveCategory.Request(name=name))

    def show(
        self, pixels: np.ndarray = PIXELS, camera: str | None = None
    ) -> tuple[Image, KeypointArray]:
        """An image, and the node's answer to it."""
        message = image(self.next_second(), pixels)
        publisher = self.camera if camera is None else self.cameras[camera]
        publisher.publish(message)
        answers = self.keypoints if camera is None else self.found[camera]
        return message, answers.wait(lambda a: a.header.stamp == message.header.stamp)

    def next_second(self) -> int:
        """A stamp that no image had before."""
        self._seconds += 1
        return self._seconds


def topic(camera: str, name: str) -> str:
    return f"/cape/{camera}/{name}" if camera else f"/cape/{name}"


def answer(future: Any) -> Any:
    """The result of a service call that another thread completes."""
    done = threading.Event()
    future.add_done_callback(lambda _: done.set())
    assert done.wait(SECONDS), "the service did not answer"
    return future.result()


class Spinner:
    """Runs the callbacks of a node until it is stopped, and keeps what they raised."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.failure: Exception | None = None
        self._stopped = False
        self._executor = MultiThreadedExecutor(3)
        self._executor.add_node(node)
        self._thread = threading.Thread(target=self._spin)
        self._thread.start()

    def _spin(self) -> None:
        while not self._stopped:
            try:
                self._executor.spin_once(0.1)
            except Exception as error:  # the other callbacks go on: a test waits for them for long
                # What a robot destroys while rclpy waits for it is no failure; its module varies.
                if isinstance(self.node, CapeNode) or type(error).__name__ != "InvalidHandle":
                    self.failure = self.failure or error

    def stop(self) -> None:
        self._stopped = True  # rclpy's executor must not be shut down while it spins
        self._thread.join()
        self._executor.shutdown(10)
        self.node.destroy_node()
        if self.failure:
            raise self.failure


class Bench:
    """The node, with a robot beside it."""

    def __init__(self, **parameters: Any) -> None:
        values = {**DEFAULTS, **parameters}
        self.library = Path(values["library"])
        self._active = values.get("autostart", True)
        self._cameras = values.get("cameras", [""])
        compressed = values.get("image_transport") == "compressed"
        self._image = CompressedImage if compressed else Image
        arguments = [f"cape:{name.replace('__', '.')}:={value}" for name, value in values.items()]
        rclpy.init(args=["test", "--ros-args", *(w for a in arguments for w in ("-p", a))])
        self._spinning: list[Spinner] = []
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def start(self) -> None:
        """Node and robot; after `stop`, new ones."""
        self.node = CapeNode()
        try:
            self.node.start()
        except BaseException:
            self.node.destroy_node()
            raise
        self._spinning.append(Spinner(self.node))
        self.robot = self.another_robot()

    def another_robot(self) -> Robot:
        robot = Robot(self._cameras, self._image)
        self._spinning.append(Spinner(robot))
        if self._active:
            for camera in robot.cameras.values():
                wait_for(camera.get_subscription_count)
            robot.categories.wait()
        return robot

    def stop(self) -> None:
        spinning, self._spinning = self._spinning, []
        with ExitStack() as ends:  # one that fails leaves no node behind for the next test
            for spinner in spinning:
                ends.callback(spinner.stop)

    def close(self) -> None:
        try:
            self.stop()
        finally:
            rclpy.try_shutdown()

    @property
    def state(self) -> tuple[dict[str, int], int]:
        """The versions of the categories, and of all of them."""
        server = self.node.server
        return {c.name: c.version for c in server.categories.values()}, server.database_version


@contextmanager
def frame_in_the_network(bench: Bench, seconds: int) -> Iterator[None]:
    """A frame of this stamp stays in the network until the end of the block."""
    estimate, entered, go_on = Estimator.estimate, threading.Event(), threading.Event()

    def slow(*arguments: Any, **options: Any) -> Any:
        entered.set()
        assert go_on.wait(SECONDS)
        return estimate(*arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Estimator, "estimate", slow)
        bench.robot.camera.publish(image(seconds))
        assert entered.wait(SECONDS)
        try:
            yield
        finally:
            go_on.set()
