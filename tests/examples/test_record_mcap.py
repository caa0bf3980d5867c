"""The recorder as a process of its own, and what others read in its files."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dds  # before the message packages
import numpy as np
import pytest
import rclpy
from mcap.reader import make_reader
from mcap_recording import CHUNK
from mcap_ros2.decoder import DecoderFactory
from rclpy.qos import qos_profile_sensor_data
from record_mcap import RecordMcap
from rosbags.highlevel import AnyReader
from sensor_msgs.msg import Image

from cape_ros.msg import Category, CategoryArray, Keypoint, KeypointArray, ObjectKeypoints

ROOT = Path(__file__).resolve().parents[2]


def size(path: Path) -> int:
    return path.stat().st_size


def keypoints(second: int) -> KeypointArray:
    points = [Keypoint(x=1.5, y=float(second), score=0.5, visibility=Keypoint.VISIBLE)] * 3
    found = ObjectKeypoints(category="cup", category_version=2, track_id=4, keypoints=points)
    found.keypoint_names = ["a", "b", "c"]
    header = dds.image(second).header
    return KeypointArray(header=header, objects=[found], image_width=120, image_height=90)


def categories() -> CategoryArray:
    cup = Category(name="cup", version=2, keypoint_names=["a", "b", "c"], edges=[0, 1])
    return CategoryArray(database_version=7, categories=[cup])


def test_a_recording_ended_by_ctrl_c_is_read_by_others(tmp_path: Path) -> None:
    rclpy.init(args=[])
    spinner = dds.Spinner(robot := rclpy.create_node("robot"))
    words = ["-p", f"folder:={tmp_path}", "-p", "images:=true", "-r", "image:=/cape/image"]
    words += ["-p", "free_megabytes:=0"]
    try:
        with subprocess.Popen(
            [sys.executable, ROOT / "examples" / "record_mcap.py", "--ros-args", *words],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                results = robot.create_publisher(KeypointArray, "/cape/keypoints", 10)
                latched = robot.create_publisher(CategoryArray, "/cape/categories", dds.LATCHED)
                camera = robot.create_publisher(Image, "/cape/image", qos_profile_sensor_data)
                for publisher in (results, latched, camera):
                    dds.wait_for(publisher.get_subscription_count)
                latched.publish(categories())
                for second in range(5):
                    results.publish(keypoints(second))
                # Images until a second chunk is on the disk: what came before is then recorded.
                dds.wait_for(
                    lambda: (
                        camera.publish(dds.image(9)) or sum(map(size, tmp_path.iterdir())) > CHUNK
                    )
                )
                for _ in range(2):  # as to a process in the group of `ros2 launch`
                    process.send_signal(signal.SIGINT)
                _, printed = process.communicate(timeout=dds.SECONDS)
            finally:
                process.kill()
    finally:
        spinner.stop()
        rclpy.try_shutdown()
    assert process.returncode == 0
    assert "Traceback" not in printed
    assert "recorded " in printed
    (path,) = tmp_path.iterdir()
    check_with_mcap(path)
    check_with_rosbags(path)


def check_with_mcap(path: Path) -> None:
    with path.open("rb") as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()])
        assert reader.get_header().profile == "ros2"
        found: dict[str, list[Any]] = {}
        for _, channel, _, message in reader.iter_decoded_messages():
            found.setdefault(channel.topic, []).append(message)
    assert [m.objects[0].keypoints[2].y for m in found["/cape/keypoints"]] == [0, 1, 2, 3, 4]
    last = found["/cape/keypoints"][-1]
    assert (last.objects[0].keypoint_names, last.image_width) == (["a", "b", "c"], 120)
    (names,) = found["/cape/categories"]
    assert names.categories[0].keypoint_names == ["a", "b", "c"]
    image = found["/cape/image"][-1]
    assert image.header.stamp.sec == 9
    pixels = np.frombuffer(image.data, np.uint8).reshape(dds.PIXELS.shape)
    assert np.array_equal(pixels, dds.PIXELS)


def check_with_rosbags(path: Path) -> None:
    with AnyReader([path]) as reader:
        messages = [
            reader.deserialize(octets, connection.msgtype)
            for connection, _, octets in reader.messages()
            if connection.topic == "/cape/keypoints"
        ]
    assert [message.header.stamp.sec for message in messages] == [0, 1, 2, 3, 4]
    assert messages[0].objects[0].keypoints[0].VISIBLE == 2


def test_a_full_disk_is_told_once(
    start: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors: list[str] = []
    node, robot = start(RecordMcap, folder=tmp_path, free_megabytes=10**9)
    monkeypatch.setattr(node.get_logger(), "error", errors.append)
    tried = dds.Inbox()
    write = node._recording.write
    monkeypatch.setattr(node._recording, "write", lambda *a: tried(a) or write(*a))
    publisher = robot.create_publisher(KeypointArray, "/cape/keypoints", 10)
    dds.wait_for(publisher.get_subscription_count)
    for second in range(3):
        publisher.publish(keypoints(second))
    dds.wait_for(lambda: len(tried.messages) == 3)
    node.close()
    assert len(errors) == 1
    assert "recording stops until there is room" in errors[0]
    assert not list(tmp_path.iterdir())


def test_a_start_that_fails_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for value, fault in [
        ("folder:=" + str(tmp_path / "file"), "file"),
        ("file_megabytes:=0", "0"),
        ("reliability:=certain", "reliability"),
    ]:
        run = subprocess.run(
            [sys.executable, ROOT / "examples" / "record_mcap.py", "--ros-args", "-p", value],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            check=False,
        )
        assert run.returncode == 1
        assert run.stderr.startswith("record_mcap: ")
        assert fault in run.stderr
        assert "Traceback" not in run.stderr
