"""Time that another process says on /clock."""

from __future__ import annotations

import time

import pytest
from builtin_interfaces.msg import Time as TimeMessage
from rclpy.clock import Clock, ClockType, ROSClock
from rclpy.node import Node
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock as ClockMessage

from .conftest import wait_for

SIMULATED = [Parameter("use_sim_time", value=True)]


@pytest.fixture
def world(spin):
    """A node in simulated time, and a function that makes it a certain second there."""
    node, simulator = Node("cape", parameter_overrides=SIMULATED), Node("simulator")
    publisher = simulator.create_publisher(ClockMessage, "/clock", 1)
    spin(node)
    wait_for(publisher.get_subscription_count)

    def set_time(second: int) -> None:
        wait_for(
            lambda: node.get_clock().now().nanoseconds == second * 10**9,
            meanwhile=lambda: publisher.publish(ClockMessage(clock=TimeMessage(sec=second))),
        )

    return node, set_time


def test_the_clock_says_what_the_simulation_says(world):
    node, set_time = world
    clock = node.get_clock()
    assert isinstance(clock, ROSClock)
    assert clock.ros_time_is_active
    assert clock.now().nanoseconds == 0  # nothing was heard yet
    for second in (100, 200, 50):
        set_time(second)
        assert clock.now().to_msg() == TimeMessage(sec=second)
        assert clock.now().clock_type == ClockType.ROS_TIME


def test_simulated_time_can_be_turned_on_and_off(world):
    node, set_time = world
    set_time(100)
    node.set_parameters([Parameter("use_sim_time", value=False)])
    assert abs(node.get_clock().now().nanoseconds - time.time_ns()) < 60 * 10**9
    assert not any(getattr(e, "topic", "") == "/clock" for e in node.entities())
    node.set_parameters(SIMULATED)
    wait_for(lambda: node.get_clock().now().nanoseconds <= 100 * 10**9)
    set_time(300)
    (refused,) = node.set_parameters([Parameter("use_sim_time", value="yes")])
    assert not refused.successful


def test_timers_count_in_simulated_time(world):
    node, set_time = world
    set_time(10)
    calls, steady_calls = [], []
    timer = node.create_timer(5.0, lambda: calls.append(node.get_clock().now().nanoseconds))
    steady = Clock(clock_type=ClockType.STEADY_TIME)
    node.create_timer(0.01, lambda: steady_calls.append(True), clock=steady)
    set_time(14)
    wait_for(lambda: len(steady_calls) > 3)
    assert calls == []
    assert timer.time_until_next_call() == 10**9
    set_time(15)
    wait_for(lambda: calls == [15 * 10**9])
    set_time(3)  # the simulation begins anew
    wait_for(lambda: timer.time_until_next_call() == 5 * 10**9)
    set_time(8)
    wait_for(lambda: calls == [15 * 10**9, 8 * 10**9])
