"""The node's life cycle: what it does in each state, as `ros2 lifecycle set` moves it."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dds  # before the message packages
import pytest
import rclpy
from dds import EVERYTHING_IS_FOUND, Bench, frame_in_the_network, image, wait_for
from lifecycle_msgs.msg import Transition
from rcl_interfaces.msg import Log
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_srvs.srv import SetBool

from cape_ros.msg import CategoryArray
from cape_ros.perception.estimator import Estimator
from cape_ros.srv import ListCategories

Start = Callable[..., Bench]
CONFIGURE, CLEANUP = Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_CLEANUP
TRANSIENT_LOCAL = DurabilityPolicy.TRANSIENT_LOCAL
ACTIVATE, DEACTIVATE = Transition.TRANSITION_ACTIVATE, Transition.TRANSITION_DEACTIVATE
SHUTDOWN = Transition.TRANSITION_ACTIVE_SHUTDOWN


def test_each_state_does_what_it_says(start: Start) -> None:
    robot = start(autostart=False, **EVERYTHING_IS_FOUND).robot
    assert robot.lifecycle_state() == "unconfigured"

    assert robot.transition(CONFIGURE)
    assert robot.lifecycle_state() == "inactive"
    assert robot.register().success  # before any image
    assert not robot.camera.get_subscription_count()

    assert robot.transition(ACTIVATE)
    wait_for(robot.camera.get_subscription_count)
    assert [cup.category for cup in robot.show()[1].objects] == ["cup"]

    assert robot.transition(DEACTIVATE)
    wait_for(lambda: not robot.camera.get_subscription_count())
    assert robot.register(name="pan").success  # commands go on
    assert robot.remove("pan").success

    assert robot.transition(CLEANUP)
    assert robot.lifecycle_state() == "unconfigured"

    assert robot.transition(CONFIGURE)  # and all over again
    assert robot.transition(ACTIVATE)
    wait_for(robot.camera.get_subscription_count)
    assert [cup.category for cup in robot.show()[1].objects] == ["cup"]
    assert robot.transition(SHUTDOWN)
    assert robot.lifecycle_state() == "finalized"


def test_an_unconfigured_node_says_so(start: Start) -> None:
    robot = start().robot
    assert robot.transition(DEACTIVATE)
    assert robot.transition(CLEANUP)
    refused = robot.register()
    assert not refused.success
    assert "unconfigured" in refused.message
    assert robot.ask(ListCategories, "list_categories").categories == []
    assert not robot.ask(SetBool, "enable", data=True).success


def test_what_cannot_be_configured_stays_unconfigured_and_is_told(
    start: Start, tmp_path: Path
) -> None:
    bench = start(autostart=False, weights=tmp_path / "absent.safetensors")
    robot = bench.robot
    log = robot.hear(Log, "/rosout", QoSProfile(depth=100, durability=TRANSIENT_LOCAL))
    assert not robot.transition(CONFIGURE)
    assert robot.lifecycle_state() == "unconfigured"
    log.wait(lambda line: line.name == "cape" and "absent.safetensors" in line.msg)


def test_an_unexpected_error_leads_back_to_unconfigured(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = start(autostart=False)

    def out_of_memory(*_: Any) -> Any:
        raise RuntimeError("CUDA out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(Estimator, "load", out_of_memory)
        assert not bench.robot.transition(CONFIGURE)
    assert bench.robot.lifecycle_state() == "unconfigured"
    assert bench.robot.transition(CONFIGURE)


def test_deactivation_in_mid_frame_publishes_nothing_more(start: Start) -> None:
    bench = start(**EVERYTHING_IS_FOUND)
    robot = bench.robot
    assert robot.register().success
    with frame_in_the_network(bench, 77):
        assert robot.transition(DEACTIVATE)
    assert robot.transition(ACTIVATE)
    wait_for(robot.camera.get_subscription_count)
    assert robot.show()[1].objects
    assert all(m.header.stamp.sec != 77 for m in robot.keypoints.messages)


def test_paused_images_are_not_processed_until_enabled(start: Start) -> None:
    bench = start()
    robot, server = bench.robot, bench.node.server
    assert "paused" in robot.ask(SetBool, "enable", data=False).message
    robot.camera.publish(image(77))
    wait_for(lambda: server.statistics.received)
    assert server.statistics.cameras["image"].paused == 1
    assert robot.register().success  # commands are carried out all the same
    assert robot.ask(SetBool, "enable", data=True).success
    assert robot.show()[1].objects
    assert all(m.header.stamp.sec != 77 for m in robot.keypoints.messages)


def test_parameters_of_configure_change_while_unconfigured(start: Start) -> None:
    from test_parameters import change

    bench = start(autostart=False)
    assert change(bench, trusted_point=0.7).successful
    assert change(bench, boxes="region", region=[1, 2, 50, 50]).successful
    refused = change(bench, precision="float8")
    assert not refused.successful
    assert bench.robot.transition(CONFIGURE)
    assert bench.node.server.trust.point_threshold == 0.7
    refused = change(bench, boxes="search")
    assert "boxes: changes only while the node is unconfigured" in refused.reason


def test_cleanup_keeps_nothing_of_the_model(start: Start) -> None:
    bench = start()
    robot = bench.robot
    robot.register()
    robot.show()
    held = [weakref.ref(bench.node.session), weakref.ref(bench.node.server._estimator.network.net)]
    robot.transition(DEACTIVATE)
    assert robot.transition(CLEANUP)

    def is_gone() -> bool:
        gc.collect()  # an executor may hold the callback that cleaned up a moment longer
        return [each() for each in held] == [None, None]

    dds.wait_for(is_gone)


def test_a_destroyed_node_leaves_no_services_of_its_life_cycle(start: Start) -> None:
    bench = start(autostart=False)
    bench.stop()
    onlooker = rclpy.create_node("onlooker")

    def left_over() -> bool:
        services = onlooker.get_service_names_and_types()
        return any("lifecycle_msgs/" in kind for _, kinds in services for kind in kinds)

    try:
        wait_for(lambda: not left_over())
    finally:
        onlooker.destroy_node()
    bench.node.destroy_node()  # once more changes nothing


def test_the_categories_come_anew_with_every_configure(start: Start) -> None:
    bench = start(autostart=False)
    robot = bench.robot
    robot.transition(CONFIGURE)
    robot.register()
    robot.transition(CLEANUP)
    robot.transition(CONFIGURE)
    late = robot.hear(CategoryArray, "/cape/categories", dds.LATCHED)
    assert [category.name for category in late.wait().categories] == ["cup"]
