"""Studio in the node: off unless asked for, there from configure to cleanup."""

from __future__ import annotations

import io
import json
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Any

import dds  # noqa: F401  # before the message packages
import numpy as np
import PIL.Image
import pytest
from dds import EVERYTHING_IS_FOUND, NAMES, POINTS, SECONDS, Bench, wait_for
from lifecycle_msgs.msg import Transition
from sensor_msgs.msg import CameraInfo, Image
from test_space_outputs import INFO, SLOPE, depth_image, found_cups

from cape_ros.core.errors import CapeError
from cape_ros.perception.tracking import Tracker
from cape_ros.ros.meters import nanoseconds

httpx = pytest.importorskip("httpx", reason="needs httpx: pip install httpx")
pytest.importorskip("uvicorn", reason="needs uvicorn: pip install uvicorn")
from websockets.sync.client import connect  # noqa: E402

Start = Callable[..., Bench]
ON = {"studio__enable": True, "studio__port": 0}


@pytest.fixture
def begin(start: Start) -> Iterator[Callable[..., tuple[Bench, Any]]]:
    """A function that starts the node, and a browser that is on Studio's page."""
    browsers = []

    def open_page(**parameters: Any) -> tuple[Bench, Any]:
        bench = start(**ON, **EVERYTHING_IS_FOUND, **parameters)
        browsers.append(httpx.Client(base_url=address(bench), timeout=SECONDS))
        return bench, browsers[-1]

    yield open_page
    for browser in browsers:
        browser.close()


def address(bench: Bench) -> str:
    assert bench.node.session.studio is not None
    return str(bench.node.session.studio.address)


def newest(bench: Bench, camera: str = "") -> tuple[dict[str, Any], np.ndarray]:
    url = address(bench).replace("http", "ws") + "api/live" + (camera and f"?camera={camera}")
    with connect(url, max_size=None) as connection:
        return parts(connection.recv(SECONDS))


def parts(packet: bytes) -> tuple[dict[str, Any], np.ndarray]:
    """Header and picture."""
    (length,) = struct.unpack("<I", packet[:4])
    picture = np.asarray(PIL.Image.open(io.BytesIO(packet[4 + length :])))
    return json.loads(packet[4 : 4 + length]), picture


def teach(browser: Any, name: str) -> Any:
    image = browser.post("/api/freeze", json={}).json()["image"]
    keypoints = [{"x": x, "y": y} for x, y in POINTS]
    shots = [{"image": image, "keypoints": keypoints}]
    body = {"name": name, "keypoint_names": list(NAMES), "shots": shots}
    return browser.post("/api/categories", json=body).json()


def test_teach_what_the_camera_shows_and_every_robot_hears_of_it(
    begin: Callable[..., tuple[Bench, Any]],
) -> None:
    bench, browser = begin()
    robot = bench.robot
    robot.show()
    assert teach(browser, "cup")["message"] == "cup version 1: 4 keypoints, 1 shot"
    robot.categories.wait(lambda message: [c.name for c in message.categories] == ["cup"])
    sent, answer = robot.show()
    assert [found.category for found in answer.objects] == ["cup"]
    header, picture = newest(bench)
    assert header["stamp_ns"] == nanoseconds(sent.header.stamp)
    assert [found["category"] for found in header["objects"]] == ["cup"]
    assert picture.shape[:2] == (sent.height, sent.width)


def test_what_is_active_is_what_the_parameter_says(
    begin: Callable[..., tuple[Bench, Any]],
) -> None:
    bench, browser = begin()
    bench.robot.show()
    for name in ("cup", "pan"):
        teach(browser, name)
    browser.post("/api/categories/cup/activation", json={"active": False})
    assert bench.node.get_parameter("active_categories").value == ["pan"]
    assert [found.category for found in bench.robot.show()[1].objects] == ["pan"]
    browser.post("/api/categories/cup/activation", json={"active": True})
    assert bench.node.get_parameter("active_categories").value == ["*"]


def test_cameras_by_their_names(begin: Callable[..., tuple[Bench, Any]]) -> None:
    bench, browser = begin(cameras=["left", "right"])
    assert [each["camera"] for each in browser.get("/api/cameras").json()] == ["left", "right"]
    sent, _ = bench.robot.show(camera="right")
    assert newest(bench, "right")[0]["stamp_ns"] == nanoseconds(sent.header.stamp)
    assert browser.get("/api/cameras").json()[0]["width"] is None


def test_objects_in_space_are_computed_for_those_who_watch_them(
    begin: Callable[..., tuple[Bench, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Tracker, "estimate", found_cups)
    bench, browser = begin(depth_wait=1.0)
    robot, session = bench.robot, bench.node.session
    robot.register()
    info = robot.create_publisher(CameraInfo, "/cape/camera_info", 10)
    depth = robot.create_publisher(Image, "/cape/depth", 10)
    wait_for(lambda: session.outputs["image"].space_inputs.depth)
    wait_for(lambda: info.get_subscription_count() and depth.get_subscription_count())
    info.publish(INFO)
    wait_for(lambda: session.outputs["image"].space_inputs.calibrated)
    robot.show()
    meter = session.cameras[0].meter.space
    assert meter.results == 0
    url = address(bench).replace("http", "ws") + "api/live?space=true&depth=true"
    with connect(url, max_size=None) as connection:
        header, picture = parts(connection.recv(SECONDS))
        assert (header["has_space"], header["has_depth"], header["space"]) == (True, True, None)
        connection.send(json.dumps({"drawn": header["stamp_ns"]}))
        depth.publish(depth_image(SLOPE, robot._seconds + 1))
        sent, _ = robot.show()
        while header["space"] is None:
            header, picture = parts(connection.recv(SECONDS))
            connection.send(json.dumps({"drawn": header["stamp_ns"]}))
        assert header["stamp_ns"] == nanoseconds(sent.header.stamp)
        (cup,) = header["space"]["objects"]
        assert cup["distance"] == pytest.approx(0.85, abs=0.1)
        assert 0.6 < header["depth"]["near"] < header["depth"]["far"] < 1.2
        assert picture.shape[:2] == (sent.height, sent.width)
    assert meter.results == 1
    wait_for(lambda: not session.studio.wants_space("image"))
    robot.show()
    assert meter.results == 1
    depth.publish(depth_image(SLOPE, robot._seconds + 1))
    sent, _ = robot.show()
    stamp = nanoseconds(sent.header.stamp)
    wait_for(lambda: browser.post("/api/freeze", json={}).json()["stamp_ns"] == stamp)
    assert "its shape has 4 keypoints" in teach(browser, "pan")["message"]


def test_it_ends_with_cleanup_and_comes_again(
    begin: Callable[..., tuple[Bench, Any]],
) -> None:
    bench, browser = begin()
    robot = bench.robot
    robot.show()
    assert robot.transition(Transition.TRANSITION_DEACTIVATE)
    assert teach(browser, "cup")["version"] == 1  # commands go on
    assert robot.transition(Transition.TRANSITION_CLEANUP)
    with pytest.raises(httpx.ConnectError):
        browser.get("/api/cameras")
    assert robot.transition(Transition.TRANSITION_CONFIGURE)
    known = httpx.get(f"{address(bench)}api/categories", timeout=SECONDS).json()
    assert [each["name"] for each in known["categories"]] == ["cup"]


def test_off_unless_asked_for(start: Start) -> None:
    assert start().node.session.studio is None


def test_a_port_that_is_taken_is_said(start: Start) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(CapeError, match=f"127.0.0.1:{port}: another program has it"):
            start(studio__enable=True, studio__port=port)
