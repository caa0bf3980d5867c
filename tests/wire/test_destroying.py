"""Ending things while they are in use: what a lifecycle node does at each deactivation."""

from __future__ import annotations

import threading
import time

import pytest
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.executors import MultiThreadedExecutor, SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode
from rclpy.node import Node
from sensor_msgs.msg import Image
from std_msgs.msg import String
from std_srvs.srv import Trigger

from .conftest import wait_for


class Spinning:
    """An executor in a thread; what left its spin is kept."""

    def __init__(self, executor, *nodes):
        self.executor, self.error = executor, None
        for node in nodes:
            executor.add_node(node)
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        try:
            self.executor.spin()
        except BaseException as error:
            self.error = error

    def end(self):
        self.executor.shutdown(30)
        self.thread.join(30)
        assert not self.thread.is_alive()
        assert self.error is None


class Camera:
    """Publishes as fast as it can, from a thread."""

    def __init__(self, topic: str):
        self.node, self.ending = Node("camera"), threading.Event()
        self.publisher = self.node.create_publisher(Image, topic, 1)
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        image = Image(data=bytes(20_000))
        while not self.ending.wait(0.001):
            self.publisher.publish(image)

    def end(self):
        self.ending.set()
        self.thread.join(30)


@pytest.fixture(params=[SingleThreadedExecutor, MultiThreadedExecutor])
def spinning(ros, request):
    """A function that spins nodes, and at the end looks if that went well."""
    begun = []

    def start(*nodes):
        begun.append(Spinning(request.param(), *nodes))
        return begun[-1]

    yield start
    for one in begun:
        one.end()


@pytest.fixture
def camera(ros):
    camera = Camera("/image")
    yield camera
    camera.end()


def test_subscriptions_end_while_images_arrive(spinning, camera):
    node, received = Node("cape"), []
    spinning(node)
    group = ReentrantCallbackGroup()
    for number in range(15):
        subscription = node.create_subscription(
            Image, "/image", received.append, 1, callback_group=group
        )
        if number % 3 == 0:
            before = len(received)
            wait_for(lambda before=before: len(received) > before)
        assert node.destroy_subscription(subscription)
        assert not node.destroy_subscription(subscription)
    last: list[Image] = []
    node.create_subscription(Image, "/image", last.append, 1)
    wait_for(lambda: last)


def test_a_subscription_may_end_in_its_own_callback(spinning, camera):
    node, received = Node("cape"), []

    def once(image):
        received.append(image)
        node.destroy_subscription(subscription)

    subscription = node.create_subscription(Image, "/image", once, 1)
    ticks: list[bool] = []
    node.create_timer(0.02, lambda: ticks.append(True))
    spinning(node)
    wait_for(lambda: received)
    count = len(ticks)
    wait_for(lambda: len(ticks) > count + 3)
    assert len(received) == 1


def test_a_service_may_end_while_it_answers(spinning):
    node, caller = Node("cape"), Node("caller")
    begun, allowed = threading.Event(), threading.Event()

    def answer(request, response):
        begun.set()
        allowed.wait(30)
        return response

    service = node.create_service(Trigger, "~/trigger", answer)
    client = caller.create_client(Trigger, "/cape/trigger")
    running = spinning(node)
    assert client.wait_for_service(30)
    future = client.call_async(Trigger.Request())
    assert begun.wait(30)
    assert node.destroy_service(service)
    allowed.set()
    ticks: list[bool] = []
    node.create_timer(0.01, lambda: ticks.append(True))
    wait_for(lambda: ticks)
    assert not future.done()
    assert running.error is None


def test_everything_may_come_and_go_while_an_executor_spins(spinning):
    node, received = Node("cape"), []
    spinning(node)
    for _ in range(10):
        made = [
            node.create_publisher(String, "text", 1),
            node.create_subscription(String, "text", received.append, 1),
            node.create_service(Trigger, "trigger", lambda request, response: response),
            node.create_client(Trigger, "trigger"),
            node.create_timer(0.0, lambda: None),
        ]
        made[0].publish(String(data="and gone"))
        for entity in made:
            assert node.destroy_entity(entity)
    node.create_subscription(String, "last", received.append, 1)
    publisher = node.create_publisher(String, "last", 1)
    wait_for(
        lambda: String(data="last") in received,
        meanwhile=lambda: publisher.publish(String(data="last")),
    )


def test_a_node_may_end_while_it_is_spun_and_twice(spinning, camera):
    staying, leaving, received = Node("staying"), Node("leaving"), []
    leaving.create_subscription(Image, "/image", received.append, 1)
    spinning(staying, leaving)
    wait_for(lambda: received)
    threads = [threading.Thread(target=leaving.destroy_node) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    leaving.destroy_node()
    time.sleep(0.05)
    count = len(received)
    staying.create_subscription(Image, "/image", received.append, 1)
    wait_for(lambda: len(received) > count)
    assert leaving.entities() == []


def test_a_managed_node_opens_and_closes_its_ears(spinning, camera):
    class Listening(LifecycleNode):
        def on_activate(self, state):
            self.images = self.create_subscription(Image, "/image", self.hear, 1)
            return super().on_activate(state)

        def on_deactivate(self, state):
            self.destroy_subscription(self.images)
            return super().on_deactivate(state)

        def hear(self, image):
            self.results.publish(image)

    node, viewer, seen = Listening("cape"), Node("viewer"), []
    node.results = node.create_lifecycle_publisher(Image, "/results", 1)
    viewer.create_subscription(Image, "/results", seen.append, 1)
    spinning(node, viewer)
    node.trigger_configure()
    for _ in range(5):
        count = len(seen)
        assert node.trigger_activate().name == "SUCCESS"
        wait_for(lambda count=count: len(seen) > count)
        assert node.trigger_deactivate().name == "SUCCESS"
