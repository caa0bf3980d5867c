from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import rclpy
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.executors import MultiThreadedExecutor, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from std_srvs.srv import SetBool, Trigger

from cape_ros.msg import Keypoint, SupportShot
from cape_ros.srv import RegisterCategory, RemoveCategory
from cape_ros.wire.cdr import from_cdr, to_cdr
from cape_ros.wire.rpc import HEADER

from .conftest import wait_for


@pytest.fixture
def client(spin):
    """Of the registration service of the other process."""
    node = Node("annotator")
    spin(node)
    client = node.create_client(RegisterCategory, "/peer/register")
    assert client.wait_for_service(30)
    return client


def request(name: str = "cup", shots: int = 1) -> RegisterCategory.Request:
    pixels = np.random.default_rng(7).integers(0, 256, 3 << 20, np.uint8)
    shot = SupportShot(image=Image(data=pixels), keypoints=[Keypoint(x=1.5), Keypoint(y=2.5)])
    return RegisterCategory.Request(
        name=name, keypoint_names=["rim", "handle"], edges=[0, 1], shots=[shot] * shots
    )


def test_a_registration_with_images_is_answered_by_another_process(peer, client):
    answer = client.call(request(shots=3), timeout_sec=30)
    assert answer == RegisterCategory.Response(success=True, message="cup: 3 shots", version=1)


def test_each_call_gets_its_own_answer(peer, client):
    other = client.node.create_client(RegisterCategory, "/peer/register")
    assert other.wait_for_service(30)
    names = [f"category {number}" for number in range(10)]  # as many as may wait
    futures = [
        (other if number % 2 else client).call_async(RegisterCategory.Request(name=name))
        for number, name in enumerate(names)
    ]
    wait_for(lambda: all(future.done() for future in futures))
    assert [future.result().message for future in futures] == [f"{name}: 0 shots" for name in names]


def test_threads_that_ask_at_once_all_find_the_service(peer, client):
    with ThreadPoolExecutor(10) as pool:
        ready = pool.map(lambda _: client.service_is_ready(), range(2000))
    assert all(ready)


def test_a_call_can_be_waited_for_by_spinning(ros, peer):
    node = Node("annotator")
    client = node.create_client(RegisterCategory, "/peer/register")
    assert client.wait_for_service(30)
    future = client.call_async(request())
    rclpy.spin_until_future_complete(node, future, timeout_sec=30)
    assert future.result().success


def test_a_server_that_ends_is_not_waited_for(spin, start_peer):
    other = start_peer("--ros-args", "-r", "__ns:=/ending")
    node = Node("annotator", namespace="/ending")
    client = node.create_client(RegisterCategory, "peer/register")
    assert client.wait_for_service(30)
    other.process.terminate()
    wait_for(lambda: not client.service_is_ready())
    spin(node)
    with pytest.raises(TimeoutError, match="/ending/peer/register did not answer"):
        client.call(request(), timeout_sec=0.1)


def test_a_service_that_nobody_offers_is_not_ready(ros):
    client = Node("hopeful").create_client(Trigger, "nowhere")
    assert not client.wait_for_service(0.05)


def test_a_client_whose_reader_is_found_after_its_request_gets_its_answer(spin):
    """Over a network the two announcements of a client may overtake each other."""
    node, others = Node("cape"), Node("others").participant
    node.create_service(Trigger, "~/trigger", lambda request, response: response)
    spin(node)
    request, response = Trigger.Request, Trigger.Response
    qos, identity = QoSProfile(depth=10), b"clientid=1.2;"
    writer = others.create_writer("rq/cape/triggerRequest", request.__msgtype__, qos, identity)
    wait_for(writer.matched)
    writer.write(to_cdr(request(), HEADER.pack(12, 1)))
    reader = others.create_reader("rr/cape/triggerReply", response.__msgtype__, qos, identity)
    answers = []
    wait_for(lambda: answers, meanwhile=lambda: answers.extend(filter(None, [reader.take()])))
    assert from_cdr(answers[0].octets, response, HEADER.size) == response()


def test_only_its_own_requests_are_sent(ros):
    client = Node("strict").create_client(Trigger, "trigger")
    with pytest.raises(TypeError, match="Trigger"):
        client.call_async(SetBool.Request())


def test_an_open_call_is_cancelled_when_its_client_ends(ros):
    node = Node("leaving")
    future = node.create_client(Trigger, "nowhere").call_async(Trigger.Request())
    node.destroy_node()
    assert future.cancelled()


class Faulty(Node):
    """Its service fails the first time, as a registration with a fault in the code would."""

    def __init__(self, answer):
        super().__init__("faulty")
        self.calls = 0
        self.answer = answer
        self.create_service(Trigger, "~/trigger", self.trigger)

    def trigger(self, request, response):
        self.calls += 1
        if self.calls == 1:
            return self.answer()
        response.message = "well again"
        return response


def fail() -> None:
    raise ZeroDivisionError("a fault in the callback")


@pytest.mark.parametrize("executor_class", [SingleThreadedExecutor, MultiThreadedExecutor])
@pytest.mark.parametrize(
    ("answer", "error"),
    [(fail, ZeroDivisionError), (lambda: None, TypeError), (SetBool.Response, TypeError)],
    ids=["raises", "returns nothing", "returns another response"],
)
def test_an_error_in_a_callback_leaves_spin_and_the_service_goes_on(
    spin, executor_class, answer, error
):
    node, caller = Faulty(answer), Node("caller")
    spin(caller)
    client = caller.create_client(Trigger, "/faulty/trigger")
    assert client.wait_for_service(30)
    executor = executor_class()
    executor.add_node(node)
    unanswered = client.call_async(Trigger.Request())
    with pytest.raises(error):
        executor.spin()
    thread = threading.Thread(target=executor.spin)
    thread.start()
    assert client.call(Trigger.Request(), timeout_sec=30).message == "well again"
    assert not unanswered.done()
    executor.shutdown()
    thread.join()
    node.destroy_node()


def test_a_registration_that_takes_long_does_not_stop_images(spin):
    node, caller = Node("cape"), Node("caller")
    begun, allowed, images = threading.Event(), threading.Event(), []

    def register(request, response):
        begun.set()
        response.success = allowed.wait(30)
        return response

    node.create_service(
        RemoveCategory, "~/long", register, callback_group=MutuallyExclusiveCallbackGroup()
    )
    node.create_subscription(Image, "image", images.append, QoSProfile(depth=1))
    spin(node)
    spin(caller)
    client = caller.create_client(RemoveCategory, "/cape/long")
    camera = caller.create_publisher(Image, "image", 1)
    assert client.wait_for_service(30)
    future = client.call_async(RemoveCategory.Request())
    assert begun.wait(30)
    wait_for(lambda: len(images) >= 5, meanwhile=lambda: camera.publish(Image(data=bytes(100))))
    assert not future.done()
    allowed.set()
    wait_for(future.done)
    assert future.result().success
