"""What the launch tests say to the node: plain rclpy, as a user's program has it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import launch_testing.actions
import numpy as np
import rclpy
import yaml
from builtin_interfaces.msg import Time
from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import GetParameters
from rclpy.client import Client
from rclpy.node import Node
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from cape_ros.msg import Keypoint, KeypointArray, SupportShot
from cape_ros.ros.conversions import to_image
from cape_ros.srv import RegisterCategory

SECONDS = 120.0
SETTLING = 1.0  # [s] on a busy machine, until a service has heard of a new client
ROOT = Path(__file__).resolve().parents[2]
PIXELS = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
POINTS = [(30.0, 20.0), (70.0, 25.0), (65.0, 60.0), (25.0, 70.0)]


def launched(arguments: dict[str, str]) -> LaunchDescription:
    """The launch file of this checkout with these arguments, and the test after it."""
    return LaunchDescription(
        [
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource(str(ROOT / "launch" / "cape.launch.py")),
                launch_arguments=arguments.items(),
            ),
            launch_testing.actions.ReadyToTest(),
        ]
    )


def write_parameters(folder: Path, **parameters: Any) -> str:
    """A params_file of a node that starts fast and finds every object; None leaves out."""
    values: dict[str, Any] = {
        "library": str(folder / "library"),
        "device": "cpu",
        "image_reliability": "reliable",
        "warm_up_size": [120, 90],
        "max_instances": 1,
        "trusted_point": 0.0,
        "found_object": 0.0,
        "kept_object": 0.0,
    }
    path = folder / "parameters.yaml"
    values = {name: value for name, value in (values | parameters).items() if value is not None}
    path.write_text(yaml.safe_dump({"/**": {"ros__parameters": values}}))
    return str(path)


class Conversation:
    """With the node of that full name."""

    def __init__(self, name: str) -> None:
        rclpy.init(args=[])
        self.name = name
        self.node = Node("conversation")
        self._clients: dict[str, Client] = {}
        self._seconds = 100

    def end(self) -> None:
        self.node.destroy_node()
        rclpy.try_shutdown()

    def ask(self, kind: Any, service: str, **fields: Any) -> Any:
        client = self._clients.get(service)
        if client is None:
            client = self.node.create_client(kind, f"{self.name}/{service}")
            assert client.wait_for_service(SECONDS), f"{client.srv_name} is not there"
            time.sleep(SETTLING)
            self._clients[service] = client
        future = client.call_async(kind.Request(**fields))
        rclpy.spin_until_future_complete(self.node, future, timeout_sec=SECONDS)
        assert future.done(), f"{client.srv_name} did not answer"
        return future.result()

    def state(self) -> str:
        return str(self.ask(GetState, "get_state").current_state.label)

    def values(self, *names: str) -> list[str]:
        """Of the node's parameters."""
        answer = self.ask(GetParameters, "get_parameters", names=list(names))
        return [value.string_value for value in answer.values]

    def transition(self, number: int) -> bool:
        request = ChangeState.Request()
        request.transition.id = number
        return bool(self.ask(ChangeState, "change_state", transition=request.transition).success)

    def register(self, name: str = "cup") -> Any:
        keypoints = [Keypoint(x=x, y=y, visibility=Keypoint.VISIBLE) for x, y in POINTS]
        shot = SupportShot(image=to_image(PIXELS, Header()), keypoints=keypoints)
        return self.ask(
            RegisterCategory,
            "register_category",
            name=name,
            mode=RegisterCategory.Request.REPLACE,
            keypoint_names=["a", "b", "c", "d"],
            edges=[0, 1],
            shots=[shot],
        )

    def show(self, image_topic: str, keypoints_topic: str) -> KeypointArray:
        """Publish images until one is answered; the answer."""
        answers: list[KeypointArray] = []
        publisher = self.node.create_publisher(Image, image_topic, 1)
        self.node.create_subscription(KeypointArray, keypoints_topic, answers.append, 10)
        self.wait(publisher.get_subscription_count)
        end = time.monotonic() + SECONDS
        while not answers:
            assert time.monotonic() < end, f"nothing on {keypoints_topic}"
            self._seconds += 1
            header = Header(stamp=Time(sec=self._seconds), frame_id="camera")
            publisher.publish(to_image(PIXELS, header))
            rclpy.spin_once(self.node, timeout_sec=0.5)
        return answers[0]

    def wait(self, condition: Callable[[], object]) -> None:
        end = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < end, "it did not happen"
            rclpy.spin_once(self.node, timeout_sec=0.1)
