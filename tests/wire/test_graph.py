"""What other nodes learn about this process: what `ros2 node list` and `topic info -v` show."""

from __future__ import annotations

import pytest
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import Image
from std_msgs.msg import String

from cape_ros.wire.cdr import from_cdr
from cape_ros.wire.graph import PARTICIPANT_INFO
from cape_ros.wire.interfaces import message, type_hash

from .conftest import wait_for

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


@pytest.fixture
def graph(ros):
    """A function that gives the nodes of each process, by the process's gid, as said last."""
    observer = Node("observer")
    reader = observer.participant.create_reader("ros_discovery_info", PARTICIPANT_INFO, LATCHED)
    said = {}

    def look() -> dict[str, dict[str, object]]:
        while (received := reader.take()) is not None:
            info = from_cdr(received.octets, message(PARTICIPANT_INFO))
            said[bytes(info.gid.data)] = {
                f"{node.node_namespace.rstrip('/')}/{node.node_name}": node
                for node in info.node_entities_info_seq
            }
        return said

    return look


def names(graph) -> list[list[str]]:
    return [sorted(nodes) for nodes in graph().values()]


def test_nodes_of_other_processes_are_known_by_name(graph, start_peer):
    start_peer("--ros-args", "-r", "__node:=cape", "-r", "__ns:=/robot")
    wait_for(lambda: ["/robot/cape"] in names(graph))


def test_nodes_of_a_process_come_and_go(graph, ros):
    one, two = Node("one"), Node("two", namespace="/ns")
    wait_for(lambda: ["/ns/two", "/observer", "/one"] in names(graph))
    one.destroy_node()
    wait_for(lambda: ["/ns/two", "/observer"] in names(graph))
    two.destroy_node()
    wait_for(lambda: ["/observer"] in names(graph))


def test_readers_and_writers_belong_to_their_node(graph, ros):
    node = Node("cape")
    publisher = node.create_publisher(String, "text", 1)
    subscription = node.create_subscription(Image, "image", print, 1)

    def ours() -> tuple[list[bytes], list[bytes]]:
        node = next((n["/cape"] for n in graph().values() if "/cape" in n), None)
        if node is None:
            return [], []
        return tuple(
            [bytes(gid.data) for gid in gids] for gids in (node.reader_gid_seq, node.writer_gid_seq)
        )

    wait_for(lambda: subscription.reader.guid in ours()[0])
    wait_for(lambda: publisher.writer.guid in ours()[1])
    node.destroy_publisher(publisher)
    wait_for(lambda: publisher.writer.guid not in ours()[1])
    assert subscription.reader.guid in ours()[0]


def test_peers_are_told_the_hash_of_a_type(ros):
    node = Node("cape")
    publisher = node.create_publisher(String, "text", 1)
    subscription = node.create_subscription(String, "text", print, 1)
    entry = f"typehash={type_hash('std_msgs/msg/String')};".encode()
    wait_for(lambda: publisher.writer.matched_user_data() == [entry])
    wait_for(lambda: subscription.reader.matched_user_data() == [entry])
