from __future__ import annotations

import re
import signal

import numpy as np
import pytest
import rclpy
from hypothesis import given, settings
from hypothesis import strategies as st
from rclpy.exceptions import InvalidNameException, NotInitializedException
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile
from sensor_msgs.msg import Image
from std_msgs.msg import Header, String

from .conftest import wait_for

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def image(height: int, width: int) -> Image:
    pixels = np.random.default_rng(7).integers(0, 256, (height, width, 3), np.uint8)
    return Image(
        header=Header(frame_id="camera"),
        height=height,
        width=width,
        encoding="rgb8",
        step=width * 3,
        data=pixels,
    )


@pytest.mark.parametrize("size", [(1, 1), (480, 640), (720, 1280)])
def test_an_image_goes_to_another_process_and_back_unchanged(spin, peer, size):
    node, received, sent = Node("camera"), [], image(*size)
    node.create_subscription(Image, "image_out", received.append, 5)
    publisher = node.create_publisher(Image, "image_in", 5)
    spin(node)
    wait_for(lambda: received, meanwhile=lambda: publisher.publish(sent))
    assert received[0] == sent


def test_a_late_subscriber_gets_the_latched_message(spin, peer):
    node, received = Node("late"), []
    node.create_subscription(String, "latched", received.append, LATCHED)
    spin(node)
    wait_for(lambda: received)
    assert received == [String(data="from before")]


def test_a_process_that_stands_still_does_not_stop_the_publisher(spin, start_peer, capfd):
    other = start_peer("--ros-args", "-r", "__ns:=/still")
    node, sent = Node("camera", namespace="/still"), image(720, 1280)
    everything = QoSProfile(history=HistoryPolicy.KEEP_ALL)
    publisher = node.create_publisher(Image, "image_in", everything)
    spin(node)
    wait_for(publisher.get_subscription_count)
    other.process.send_signal(signal.SIGSTOP)
    said: list[str] = []
    wait_for(
        lambda: "/still/image_in was dropped" in "".join(said),
        meanwhile=lambda: (publisher.publish(sent), said.append(capfd.readouterr().err)),
    )
    received: list[Image] = []
    node.create_subscription(Image, "image_out", received.append, 5)
    other.process.send_signal(signal.SIGCONT)
    wait_for(lambda: received, meanwhile=lambda: publisher.publish(sent))


def test_messages_can_be_sent_and_received_serialised(spin):
    node, received = Node("raw"), []
    node.create_subscription(String, "bytes", received.append, 1, raw=True)
    publisher = node.create_publisher(String, "bytes", LATCHED)
    spin(node)
    octets = b"\0\1\0\0\4\0\0\0abc\0"
    publisher.publish(octets)
    wait_for(lambda: received, meanwhile=lambda: publisher.publish(octets))
    assert received[0] == octets


def test_a_message_that_cannot_be_read_is_dropped_with_a_warning(spin, capfd):
    node, received = Node("careful"), []
    node.create_subscription(String, "text", received.append, 10)
    publisher = node.create_publisher(String, "text", 10)
    spin(node)
    wait_for(publisher.get_subscription_count)
    publisher.publish(b"\0\1\0\0\4\0\0\0\xff\xff\xff\0")  # not UTF-8
    publisher.publish(String(data="good"))
    wait_for(lambda: received)
    assert [message.data for message in received] == ["good"]
    assert "a message on /text was dropped: std_msgs/msg/String" in capfd.readouterr().err


def test_only_messages_of_its_type_are_published(ros):
    publisher = Node("strict").create_publisher(String, "text", 1)
    with pytest.raises(TypeError, match=r"Expected .*String.*got .*Header"):
        publisher.publish(Header())
    with pytest.raises(RuntimeError):
        publisher.publish(b"\0\1\0\0\xff\xff\xff\x7fabcd")


def test_what_is_destroyed_stays_so(ros):
    node = Node("short_lived")
    publisher = node.create_publisher(String, "text", 1)
    assert node.destroy_publisher(publisher)
    assert not node.destroy_publisher(publisher)
    publisher.destroy()
    with pytest.raises(RuntimeError):
        publisher.publish(String())
    node.destroy_node()
    node.destroy_node()
    assert node.entities() == []


def test_a_topic_can_be_used_again_after_its_last_user(ros):
    node = Node("again")
    for _ in range(3):
        node.destroy_publisher(node.create_publisher(String, "text", 1))
        node.destroy_subscription(node.create_subscription(Header, "text", print, 1))


def test_a_node_needs_rclpy_init():
    assert not rclpy.ok()
    with pytest.raises(NotInitializedException):
        Node("early")
    with pytest.raises(RuntimeError):
        rclpy.shutdown()


def test_init_twice_is_an_error_and_again_after_shutdown_is_not(ros):
    with pytest.raises(RuntimeError, match="shutdown"):
        rclpy.init(args=[])
    rclpy.shutdown()
    rclpy.init(args=[])
    Node("second_life").destroy_node()


def test_names_are_relative_to_the_namespace_or_private(ros):
    node = Node("cape", namespace="robot/left")
    assert node.get_fully_qualified_name() == "/robot/left/cape"
    assert node.get_namespace() == "/robot/left"
    assert node.get_logger().name == "robot.left.cape"
    assert node.resolve_topic_name("image") == "/robot/left/image"
    assert node.resolve_topic_name("~/image") == "/robot/left/cape/image"
    assert node.resolve_topic_name("/image") == "/image"
    assert Node("cape").resolve_topic_name("image") == "/image"


def test_names_are_remapped_by_the_first_rule_that_fits(ros):
    rules = ["~/image:=/camera/image_raw", "cape:chat:=talk", "other:chat:=no", "chat:=late"]
    node = Node(
        "cape",
        cli_args=[part for rule in rules for part in ("-r", rule)] + ["-r", "__ns:=/ns"],
    )
    assert node.resolve_topic_name("~/image") == "/camera/image_raw"
    assert node.resolve_topic_name("/ns/cape/image") == "/camera/image_raw"
    assert node.resolve_topic_name("~/image", only_expand=True) == "/ns/cape/image"
    assert node.resolve_service_name("chat") == "/ns/talk"
    assert node.resolve_topic_name("untouched") == "/ns/untouched"


def test_a_node_can_be_renamed(ros):
    node = Node("cape", cli_args=["-r", "__node:=second", "-r", "__ns:=/robot"])
    assert node.get_fully_qualified_name() == "/robot/second"


@pytest.mark.parametrize("name", ["", "1st", "with space", "a/b", "ä"])
def test_bad_node_names_are_refused(ros, name):
    with pytest.raises(InvalidNameException):
        Node(name)
    with pytest.raises(InvalidNameException):
        Node("good", namespace=f"ns/-{name}")


def test_every_topic_name_is_made_valid_or_refused(ros):
    node = Node("cape", namespace="/robot")

    @settings(derandomize=True)
    @given(st.text("aB_0/~ä .{}", max_size=8))
    def check(name):
        try:
            full = node.resolve_topic_name(name)
        except InvalidNameException:
            return
        assert re.fullmatch(r"(/[A-Za-z_][A-Za-z0-9_]*)+", full)

    check()
