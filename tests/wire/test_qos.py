from __future__ import annotations

import pytest
from rclpy.node import Node
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    InvalidQoSProfileException,
    QoSProfile,
    ReliabilityPolicy,
)
from sensor_msgs.msg import Image
from std_msgs.msg import String

from .conftest import wait_for

BEST_EFFORT = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


@pytest.mark.parametrize(
    ("offered", "asked", "policy"),
    [(BEST_EFFORT, QoSProfile(depth=1), "RELIABILITY"), (1, LATCHED, "DURABILITY")],
    ids=["reliability", "durability"],
)
def test_both_ends_say_that_their_qos_does_not_fit(spin, capfd, offered, asked, policy):
    camera, cape = Node("camera"), Node("cape")
    camera.create_publisher(Image, "image", offered)
    cape.create_subscription(Image, "image", print, asked)
    spin(camera, cape)
    said: list[str] = []

    def log() -> str:
        said.append(capfd.readouterr().err)
        return "".join(said)

    wait_for(lambda: f"[cape]: a publisher on /image offers another {policy}" in log())
    wait_for(lambda: f"[camera]: a subscription to /image asks for another {policy}" in log())


def test_an_end_of_another_process_is_reported_too(spin, peer, capfd):
    node, said = Node("picky"), []
    node.create_subscription(Image, "image_out", print, LATCHED)
    spin(node)
    wait_for(
        lambda: "/image_out offers another DURABILITY" in "".join(said),
        meanwhile=lambda: said.append(capfd.readouterr().err),
    )


def test_a_best_effort_subscription_hears_every_publisher(spin):
    node, received = Node("cape"), []
    node.create_subscription(String, "text", received.append, BEST_EFFORT)
    publishers = [node.create_publisher(String, "text", qos) for qos in (1, LATCHED, BEST_EFFORT)]
    spin(node)
    for number, publisher in enumerate(publishers):
        wait_for(
            lambda number=number: String(data=str(number)) in received,
            meanwhile=lambda p=publisher, number=number: p.publish(String(data=str(number))),
        )


def test_only_the_newest_of_depth_waits(ros):
    node = Node("slow")
    publisher = node.create_publisher(String, "text", QoSProfile(depth=10))
    shallow = node.create_subscription(String, "text", print, QoSProfile(depth=1))
    deep = node.create_subscription(String, "text", print, 10)
    everything = node.create_subscription(
        String, "text", print, QoSProfile(history=HistoryPolicy.KEEP_ALL)
    )
    wait_for(lambda: publisher.get_subscription_count() == 3)
    for number in range(20):
        publisher.publish(String(data=str(number)))
    assert publisher.wait_for_all_acked()

    def waiting(subscription) -> list[str]:
        jobs = iter(subscription.take, None)
        return [job.args[0].data for job in jobs]

    assert waiting(shallow) == ["19"]
    assert waiting(deep) == [str(number) for number in range(10, 20)]
    assert waiting(everything) == [str(number) for number in range(20)]


def test_a_profile_says_how_much_it_keeps():
    with pytest.raises(InvalidQoSProfileException):
        QoSProfile()
    with pytest.raises(InvalidQoSProfileException):
        QoSProfile(history=HistoryPolicy.KEEP_LAST)
    with pytest.raises(ValueError, match="zero"):
        QoSProfile(depth=-1)
    assert QoSProfile(depth=1) == QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1)
