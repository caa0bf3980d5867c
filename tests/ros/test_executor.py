"""What comes over the wire and is no message is counted; what is one, still comes."""

from __future__ import annotations

import array
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import dds
import pytest
import rclpy
from rclpy.executors import MultiThreadedExecutor
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image

from cape_ros.ros.executor import PERIOD, Executor

pytestmark = pytest.mark.skipif(
    not rclpy.get_rmw_implementation_identifier().startswith("rmw_fastrtps"),
    reason="other middlewares drop such a message before rclpy hears of it",
)


@dataclass
class Listener:
    node: Node
    publisher: Publisher
    executor: Executor
    errors: list[Exception]
    widths: list[int] = field(default_factory=list)

    def send(self, data: bytes) -> None:
        """Returns once it was taken or counted."""
        before = len(self.errors) + len(self.widths)
        self.publisher.publish(data)

        def came() -> bool:
            self.executor.spin_once(0.05)
            return len(self.errors) + len(self.widths) > before

        dds.wait_for(came)


@pytest.fixture
def listener() -> Iterator[Listener]:
    rclpy.init()
    node, other = rclpy.create_node("listener"), rclpy.create_node("camera")
    errors: list[Exception] = []
    made = Listener(
        node, other.create_publisher(Image, "/x", 10), Executor(2, errors.append), errors
    )
    node.create_subscription(Image, "/x", lambda image: made.widths.append(image.width), 10)
    made.executor.add_node(node)
    dds.wait_for(made.publisher.get_subscription_count)
    yield made
    made.executor.shutdown()
    node.destroy_node()
    other.destroy_node()
    rclpy.try_shutdown()


def serialized(width: int) -> bytes:
    return bytes(serialize_message(Image(width=width, height=1, data=array.array("B", bytes(9)))))


def test_bytes_that_are_no_message_are_counted(listener: Listener) -> None:
    whole = serialized(3)
    listener.send(whole)
    for broken in (whole[:20], whole[:12] + b"\xff\xff\xff\x7f" + whole[16:], whole[:4]):
        listener.send(broken)
    listener.send(whole)
    assert listener.widths == [3, 3]
    assert [type(error).__name__ for error in listener.errors] == ["NotTaken"] * 3
    assert "a message on /x" in str(listener.errors[0])


def test_a_camera_that_goes_away_sent_nothing_broken(listener: Listener) -> None:
    other = rclpy.create_node("another_camera")
    publisher = other.create_publisher(Image, "/x", 10)
    dds.wait_for(lambda: listener.node.count_publishers("/x") == 2)
    other.destroy_publisher(publisher)
    other.destroy_node()
    for width in (1, 2):  # by then the executor has heard of it
        listener.send(serialized(width))
    assert listener.widths == [1, 2]
    assert listener.errors == []


def test_a_subscription_that_goes_away_got_nothing_broken(listener: Listener) -> None:
    for number in range(20):
        gone = listener.node.create_subscription(Image, "/x", lambda _: None, 10)
        dds.wait_for(lambda: listener.publisher.get_subscription_count() == 2)
        listener.publisher.publish(serialized(number))
        listener.node.destroy_subscription(gone)
        listener.executor.spin_once(0.05)
        dds.wait_for(lambda: listener.publisher.get_subscription_count() == 1)
    assert listener.errors == []


def test_many_messages_do_not_keep_it_busy(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments: list[float] = []
    wait = MultiThreadedExecutor._wait_for_ready_callbacks

    def noted(*args: Any, **kwargs: Any) -> Iterator[Any]:
        moments.append(time.monotonic())
        yield from wait(*args, **kwargs)

    monkeypatch.setattr(MultiThreadedExecutor, "_wait_for_ready_callbacks", noted)
    for width in range(1, 10):
        listener.publisher.publish(Image(width=width))
    while len(listener.widths) < 9:
        listener.executor.spin_once(1.0)
    assert listener.widths == list(range(1, 10))
    assert min(after - before for before, after in pairwise(moments)) >= 0.9 * PERIOD
