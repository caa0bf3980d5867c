from __future__ import annotations

import time

import pytest
import rclpy
from rclpy.node import Node

from .conftest import wait_for


def test_a_timer_calls_again_and_again_until_it_is_cancelled(spin):
    node, calls = Node("clock"), []
    timer = node.create_timer(0.01, lambda: calls.append(time.monotonic_ns()))
    spin(node)
    wait_for(lambda: len(calls) >= 3)
    timer.cancel()
    assert timer.is_canceled()
    assert timer.time_until_next_call() is None
    node.create_timer(0.01, lambda: calls.append(-1))
    wait_for(lambda: -1 in calls)
    before = [call for call in calls if call > 0]
    wait_for(lambda: calls.count(-1) >= 5)
    assert [call for call in calls if call > 0] == before
    timer.reset()
    wait_for(lambda: max(calls) > max(before))


def test_calls_come_no_faster_than_the_period(ros):
    node, calls = Node("clock"), []
    begin = time.monotonic_ns()
    timer = node.create_timer(0.02, lambda: calls.append(time.monotonic_ns()))
    while len(calls) < 5:
        rclpy.spin_once(node, timeout_sec=30)
    assert timer.timer_period_ns == 20_000_000
    assert all(call - begin >= n * 20_000_000 for n, call in enumerate(calls, 1))


def test_missed_calls_are_not_made_up_for(ros):
    node, calls = Node("clock"), []
    timer = node.create_timer(1.0, lambda: calls.append(True))
    timer._due -= 10_500_000_000  # as if nobody had spun for so long
    rclpy.spin_once(node, timeout_sec=0)
    rclpy.spin_once(node, timeout_sec=0)
    assert calls == [True]
    assert 0 < timer.time_until_next_call() <= 1_000_000_000


def test_a_timer_destroyed_by_another_callback_is_not_called(ros):
    node, calls = Node("clock"), []

    def destroy_all():
        calls.append(True)
        for timer in timers:
            node.destroy_timer(timer)

    timers = [node.create_timer(0, destroy_all) for _ in range(3)]
    for _ in range(3):
        rclpy.spin_once(node, timeout_sec=0)
    assert calls == [True]


def test_a_negative_period_is_refused(ros):
    with pytest.raises(ValueError, match="not negative"):
        Node("clock").create_timer(-1, print)
