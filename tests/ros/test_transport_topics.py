"""Topics of transports lie beside those of their images, wherever these are remapped, as
image_transport has it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

import dds  # before the message packages
import pytest
import rclpy

from cape_ros.ros.node import CapeNode

Topics = Callable[..., Collection[str]]


@pytest.fixture
def topics(weights: Path, tmp_path: Path) -> Iterator[Topics]:
    """The topics of a node that is started with some words for ROS."""
    nodes: list[CapeNode] = []

    def begin(*words: str) -> Collection[str]:
        given = dds.DEFAULTS | {"weights": weights, "library": tmp_path}
        fixed = [word for name, value in given.items() for word in ("-p", f"{name}:={value}")]
        rclpy.init(args=["--ros-args", *fixed, *words])
        nodes.append(node := CapeNode())
        node.start()
        return {each.topic_name for each in (*node.publishers, *node.subscriptions)}

    yield begin
    for node in nodes:
        node.destroy_node()
    rclpy.try_shutdown()


def remap(*rules: str) -> Sequence[str]:
    return [word for rule in rules for word in ("-r", rule)]


COMPRESSED = ("-p", "image_transport:=compressed")


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ((), {"/cape/overlay", "/cape/overlay/compressed"}),
        (("~/overlay:=/view/drawn",), {"/view/drawn", "/view/drawn/compressed"}),
        (("cape/overlay:=drawn", "__ns:=/left"), {"/left/drawn", "/left/drawn/compressed"}),
        (("~/overlay/compressed:=/jpeg",), {"/cape/overlay", "/jpeg"}),
        (("~/overlay:=/raw", "~/overlay/compressed:=/jpeg"), {"/raw", "/jpeg"}),
        (("__ns:=/left",), {"/left/cape/overlay", "/left/cape/overlay/compressed"}),
    ],
)
def test_the_compressed_overlay(
    rules: Sequence[str], expected: Collection[str], topics: Topics
) -> None:
    found = {name for name in topics(*remap(*rules)) if _is_picture(name)}
    assert found == expected


@pytest.mark.parametrize(
    ("rules", "image", "info"),
    [
        (("~/image:=/front/image_raw",), "/front/image_raw/compressed", "/front/camera_info"),
        (
            ("~/image/compressed:=/front/image_raw/compressed",),
            "/front/image_raw/compressed",
            "/front/camera_info",
        ),
        (("~/image:=/a/image", "~/image/compressed:=/b/jpeg"), "/b/jpeg", "/a/camera_info"),
        (("~/image/compressed:=/b/jpeg", "~/camera_info:=/info"), "/b/jpeg", "/info"),
        ((), "/cape/image/compressed", "/cape/camera_info"),
    ],
)
def test_compressed_images(rules: Sequence[str], image: str, info: str, topics: Topics) -> None:
    assert {image, info} <= set(topics(*COMPRESSED, *remap(*rules)))


def test_compressed_depth(topics: Topics) -> None:
    words = ("-p", "depth_transport:=compressedDepth")
    rule = "~/depth/compressedDepth:=/front/depth/image/compressedDepth"
    found = topics(*words, *remap(rule))
    assert {"/front/depth/image/compressedDepth", "/front/depth/camera_info"} <= set(found)


def test_cameras_with_names(topics: Topics) -> None:
    found = topics("-p", "cameras:=[left, right]", *remap("~/left/overlay:=/view"))
    assert {"/view", "/view/compressed", "/cape/right/overlay/compressed"} <= set(found)


def _is_picture(name: str) -> bool:
    return any(part in name for part in ("overlay", "drawn", "jpeg", "/raw"))
