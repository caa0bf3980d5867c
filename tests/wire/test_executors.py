from __future__ import annotations

import threading

import pytest
import rclpy
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup, ReentrantCallbackGroup
from rclpy.executors import (
    ExternalShutdownException,
    MultiThreadedExecutor,
    SingleThreadedExecutor,
)
from rclpy.node import Node
from rclpy.task import Future
from std_msgs.msg import String

from cape_ros.wire.entity import Entity

from .conftest import wait_for

BOTH = pytest.mark.parametrize("executor_class", [SingleThreadedExecutor, MultiThreadedExecutor])


class Talk:
    """A node that calls back for each of its own messages, from several subscriptions."""

    def __init__(self, *callbacks_and_groups):
        self.node = Node("talk")
        for callback, group in callbacks_and_groups:
            self.node.create_subscription(String, "text", callback, 10, callback_group=group)
        self.publisher = self.node.create_publisher(String, "text", 10)
        count = len(callbacks_and_groups)
        wait_for(lambda: self.publisher.get_subscription_count() == count)

    def say(self, text: str = "") -> None:
        self.publisher.publish(String(data=text))


@pytest.mark.parametrize("kind", ["default group", "one group", "reentrant group"])
def test_which_callbacks_may_overlap(spin, kind):
    together = threading.Barrier(2)
    met = []

    def callback(message):
        try:
            together.wait(0.3 if kind != "reentrant group" else 30)
            met.append(True)
        except threading.BrokenBarrierError:
            met.append(False)

    group = {
        "default group": None,
        "one group": MutuallyExclusiveCallbackGroup(),
        "reentrant group": ReentrantCallbackGroup(),
    }[kind]
    talk = Talk((callback, group), (callback, group))
    spin(talk.node)
    talk.say()
    wait_for(lambda: len(met) == 2)
    assert met == [kind == "reentrant group"] * 2


def test_callbacks_of_two_groups_overlap(spin):
    together = threading.Barrier(2)
    met = []

    def callback(message):
        together.wait(30)
        met.append(True)

    groups = MutuallyExclusiveCallbackGroup(), MutuallyExclusiveCallbackGroup()
    talk = Talk(*((callback, group) for group in groups))
    spin(talk.node)
    talk.say()
    wait_for(lambda: len(met) == 2)


def test_messages_of_one_subscription_come_in_order(spin):
    received = []
    talk = Talk((lambda message: received.append(message.data), None))
    spin(talk.node)
    sent = [str(number) for number in range(50)]
    for number, text in enumerate(sent):
        talk.say(text)
        wait_for(lambda number=number: len(received) > number - 5)
    wait_for(lambda: len(received) == 50)
    assert received == sent


@BOTH
def test_spin_once_runs_one_callback_and_returns_without_any(ros, executor_class):
    received = []
    talk = Talk((received.append, ReentrantCallbackGroup()))
    executor = executor_class()
    executor.add_node(talk.node)
    executor.spin_once(timeout_sec=0)
    assert received == []
    talk.say()
    talk.say()
    executor.spin_once(timeout_sec=30)
    wait_for(lambda: len(received) == 1)
    executor.spin_once(timeout_sec=30)
    wait_for(lambda: len(received) == 2)
    executor.shutdown()


@BOTH
def test_an_error_of_a_callback_leaves_spin_and_spin_goes_on(ros, executor_class):
    received = []

    def fails_once(message):
        received.append(message)
        if len(received) == 1:
            raise ZeroDivisionError("in a callback")

    talk = Talk((fails_once, None))
    executor = executor_class()
    executor.add_node(talk.node)
    talk.say()
    with pytest.raises(ZeroDivisionError, match="in a callback"):
        executor.spin()
    talk.say()
    wait_for(lambda: len(received) == 2, meanwhile=lambda: executor.spin_once(timeout_sec=0.1))
    executor.shutdown()


def test_spinning_ends_when_a_future_is_done(ros):
    node, future = Node("waiting"), Future()
    rclpy.spin_until_future_complete(node, future, timeout_sec=0.01)
    assert not future.done()
    node.create_timer(0.01, lambda: future.set_result("done"))
    rclpy.spin_until_future_complete(node, future, timeout_sec=30)
    assert future.result() == "done"


@BOTH
def test_shutdown_of_the_executor_ends_spin(ros, executor_class):
    executor = executor_class()
    thread = threading.Thread(target=executor.spin)
    thread.start()
    assert executor.shutdown()
    thread.join(30)
    assert not thread.is_alive()
    assert rclpy.ok()
    executor.spin()  # returns at once


def test_shutdown_of_the_executor_waits_for_callbacks(ros):
    begun, allowed = threading.Event(), threading.Event()
    talk = Talk((lambda _: (begun.set(), allowed.wait(30)), None))
    executor = MultiThreadedExecutor()
    executor.add_node(talk.node)
    thread = threading.Thread(target=executor.spin)
    thread.start()
    talk.say()
    assert begun.wait(30)
    assert not executor.shutdown(timeout_sec=0.05)
    allowed.set()
    assert executor.shutdown(timeout_sec=30)
    thread.join(30)


def test_shutdown_while_a_message_is_taken_loses_only_the_message(ros):
    """It was an error of the thread pool, now and then, when a node ended."""
    node, executor, ran = Node("ending"), MultiThreadedExecutor(), []

    class EndsMeanwhile(Entity):
        def take(self):
            executor.shutdown()
            return lambda: ran.append(True)

    entity = node._add(EndsMeanwhile(node))
    executor.add_node(node)
    executor.spin()
    assert ran == []
    assert entity.callback_group.can_execute()


def test_shutdown_from_outside_ends_spin(ros):
    node, raised = Node("ending"), []

    def spin():
        try:
            rclpy.spin(node)
        except ExternalShutdownException as error:
            raised.append(error)

    thread = threading.Thread(target=spin)
    begun = threading.Event()
    node.create_timer(0, begun.set)
    thread.start()
    assert begun.wait(30)
    rclpy.shutdown()
    thread.join(30)
    assert not thread.is_alive()
    assert not rclpy.ok()


def test_a_node_has_one_executor(ros):
    node, first, second = Node("moving"), SingleThreadedExecutor(), SingleThreadedExecutor()
    assert first.add_node(node)
    assert not first.add_node(node)
    assert second.add_node(node)
    assert (first.get_nodes(), second.get_nodes()) == ([], [node])
    node.destroy_node()
    assert second.get_nodes() == []


def test_only_the_nodes_of_a_spin_are_called(ros):
    """The first spin leaves a round of callbacks behind that the second must not finish."""
    calls = []
    nodes = [Node("one"), Node("two")]
    for node in nodes:
        for _ in range(3):
            node.create_timer(0, lambda node=node: calls.append(node))
    rclpy.spin_once(nodes[0], timeout_sec=30)
    for _ in range(4):
        rclpy.spin_once(nodes[1], timeout_sec=30)
    assert calls == [nodes[0]] + [nodes[1]] * 4


def test_what_is_made_while_spinning_is_served(spin):
    node, received = Node("growing"), []
    executor = spin(node)
    node.create_subscription(String, "text", received.append, 1)
    publisher = node.create_publisher(String, "text", 1)
    wait_for(lambda: received, meanwhile=lambda: publisher.publish(String()))
    late, calls = Node("late"), []
    late.create_timer(0.01, lambda: calls.append(True))
    executor.add_node(late)
    wait_for(lambda: len(calls) > 1)
