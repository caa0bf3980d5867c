"""TF as robots send it."""

from __future__ import annotations

from collections.abc import Iterator

import dds
import pytest
import rclpy
from builtin_interfaces.msg import Time
from geometry_msgs.msg import TransformStamped
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import QoSProfile
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage

from cape_ros.perception.spatial.transforms import NoTransform
from cape_ros.ros.executor import Executor
from cape_ros.ros.transforms import QUEUE, TransformListener


@pytest.fixture
def node() -> Iterator[Node]:
    rclpy.init()
    node = rclpy.create_node("listener")
    yield node
    node.destroy_node()
    rclpy.shutdown()


def knows(transforms: TransformListener, child: str) -> bool:
    try:
        transforms.find("base", child, 0)
    except NoTransform:
        return False
    return True


def test_messages_that_wait_are_taken_together(node: Node) -> None:
    """A robot's joints, wheels and sensors send more of them than an executor waits."""
    executor = Executor(2, lambda error: pytest.fail(str(error)))
    executor.add_node(node)
    transforms = TransformListener(node)
    publisher = node.create_publisher(TFMessage, "/tf", QoSProfile(depth=QUEUE))
    assert not knows(transforms, "joint")  # it listens from now on
    dds.wait_for(publisher.get_subscription_count)
    for number in range(QUEUE):
        one = TransformStamped(header=Header(stamp=Time(), frame_id="base"))
        one.child_frame_id = f"joint_{number}"
        one.transform.rotation.w = 1.0
        publisher.publish(TFMessage(transforms=[one]))
    assert publisher.wait_for_all_acked(Duration(seconds=dds.SECONDS))
    for _ in range(QUEUE // 10):
        executor.spin_once(0.05)
    executor.shutdown()
    assert all(knows(transforms, f"joint_{number}") for number in range(QUEUE))
