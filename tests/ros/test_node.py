"""The node as a robot's programmer meets it: topics and services on real DDS."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import dds  # before the message packages
import numpy as np
import pytest
from builtin_interfaces.msg import Time
from dds import EVERYTHING_IS_FOUND, NAMES, PIXELS, POINTS, Bench, Inbox, answer, shot, wait_for
from sensor_msgs.msg import CompressedImage, Image

from cape_ros.msg import Keypoint
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.estimator import Estimator
from cape_ros.perception.library.library import CategoryLibrary
from cape_ros.perception.trust import Trust
from cape_ros.ros import overlay_publisher
from cape_ros.ros.node import LogForwarder
from cape_ros.server.server import RegisterMode

Start = Callable[..., Bench]
OTHER = np.ascontiguousarray(PIXELS[::-1])


def test_an_image_is_answered_with_its_header(start: Start) -> None:
    robot = start().robot
    message, found = robot.show()
    assert found.header == message.header
    assert found.objects == []


def test_one_registration_then_keypoints_on_the_next_image(start: Start, weights: Path) -> None:
    robot = start(**EVERYTHING_IS_FOUND).robot
    registered = robot.register()
    assert registered.success, registered.message
    assert registered.version == 1
    message, found = robot.show(OTHER)
    assert found.header == message.header
    (cup,) = found.objects
    assert (cup.category, cup.category_version) == ("cup", 1)
    assert cup.track_id >= 0
    assert cup.keypoint_names == NAMES
    height, width, _ = OTHER.shape
    assert (found.image_width, found.image_height) == (width, height)

    category = Category("cup", NAMES, [(0, 1), (1, 2)], [SupportShot(PIXELS, POINTS)])
    estimator = Estimator.load(weights, "cpu")
    ((expected,),) = estimator.detect(OTHER, [category], 1, Trust(0, 0, 0))
    points = [(keypoint.x, keypoint.y) for keypoint in cup.keypoints]
    np.testing.assert_allclose(points, expected.keypoints, atol=0.02)
    scores = [keypoint.score for keypoint in cup.keypoints]
    np.testing.assert_allclose(scores, expected.scores, atol=1e-3)
    assert {keypoint.visibility for keypoint in cup.keypoints} == {Keypoint.VISIBLE}


def test_an_image_in_which_nothing_is_found_is_answered_with_no_objects(start: Start) -> None:
    robot = start(found_object=1.0, kept_object=1.0).robot
    assert robot.register().success
    message, found = robot.show(OTHER)
    assert found.header == message.header
    assert found.objects == []


def test_versions_follow_the_support_set(start: Start) -> None:
    bench = start(**EVERYTHING_IS_FOUND)
    robot = bench.robot
    robot.register()

    def shown_version() -> int:
        (cup,) = robot.show()[1].objects
        return cup.category_version

    assert shown_version() == 1
    replaced = robot.register(mode=RegisterMode.REPLACE, shots=[shot(), shot()])
    assert replaced.version == shown_version() == 2
    added = robot.register(mode=RegisterMode.ADD_SHOTS, keypoint_names=[], edges=[])
    assert added.version == shown_version() == 3
    cup = bench.node.server.categories["cup"]
    assert len(cup.shots) == 3
    assert cup.keypoint_names == tuple(NAMES)
    assert cup.edges == ((0, 1), (1, 2))


def test_a_shot_may_be_an_image_that_went_by(start: Start) -> None:
    bench = start()
    robot = bench.robot
    first, _ = robot.show(OTHER)
    robot.show(PIXELS)
    nothing = Image()
    assert robot.register(shots=[shot(image=nothing, stamp=first.header.stamp)]).success
    newest = robot.register(mode=RegisterMode.ADD_SHOTS, shots=[shot(image=nothing)])
    assert newest.success, newest.message
    shots = bench.node.server.categories["cup"].shots
    assert np.array_equal(shots[0].image, OTHER)
    assert np.array_equal(shots[1].image, PIXELS)
    refused = robot.register(name="pan", shots=[shot(image=nothing, stamp=Time(sec=7))])
    assert not refused.success
    assert "shots[0].stamp" in refused.message


@pytest.mark.parametrize("encoding", ["jpeg", "png"])
def test_a_shot_may_be_compressed(start: Start, encoding: str) -> None:
    bench = start()
    smooth = cv2.GaussianBlur(PIXELS, (15, 15), 5)
    data = cv2.imencode(f".{encoding}", cv2.cvtColor(smooth, cv2.COLOR_RGB2BGR))[1].tobytes()
    compressed = CompressedImage(format=encoding, data=data)
    assert bench.robot.register(shots=[shot(image=Image(), compressed=compressed)]).success
    (kept,) = bench.node.server.categories["cup"].shots
    difference = kept.image.astype(int) - smooth
    assert np.abs(difference).mean() < (4 if encoding == "jpeg" else 1e-9)


def test_a_removed_category_is_gone_from_the_next_image_on(start: Start) -> None:
    robot = start(**EVERYTHING_IS_FOUND).robot
    robot.register()
    robot.register(name="pan")
    assert {found.category for found in robot.show()[1].objects} == {"cup", "pan"}
    assert robot.remove("cup").success
    assert [found.category for found in robot.show()[1].objects] == ["pan"]
    again = robot.register()
    assert again.success
    assert again.version == 2


def test_the_categories_are_latched_and_their_number_grows(start: Start) -> None:
    bench = start()
    first = bench.robot.categories.wait()
    assert first.categories == []
    versions = [first.database_version]
    for change in (
        lambda: bench.robot.register(),
        lambda: bench.robot.register(mode=RegisterMode.REPLACE),
        lambda: bench.robot.remove("cup"),
        lambda: bench.robot.register(name="pan"),
    ):
        assert change().success
        heard = bench.robot.categories.wait(lambda m: m.database_version > versions[-1])
        versions.append(heard.database_version)
    late = bench.another_robot().categories.wait()
    assert late.database_version == versions[-1]
    (pan,) = late.categories
    assert (pan.name, pan.version, pan.shots, pan.active) == ("pan", 1, 1, True)
    assert list(pan.keypoint_names) == NAMES
    assert list(pan.edges) == [0, 1, 1, 2]


def test_the_categories_are_there_after_a_restart(start: Start) -> None:
    bench = start(**EVERYTHING_IS_FOUND)
    bench.robot.register()
    bench.robot.register(mode=RegisterMode.REPLACE)
    _, before = bench.robot.show()
    state = bench.state
    bench.stop()
    bench.start()
    assert bench.state == state
    assert bench.robot.categories.wait().database_version == state[1]
    _, after = bench.robot.show()
    assert after.objects[0].category_version == 2
    np.testing.assert_allclose(
        [(k.x, k.y) for k in after.objects[0].keypoints],
        [(k.x, k.y) for k in before.objects[0].keypoints],
        atol=0.02,
    )


def test_an_overlay_is_drawn_only_with_a_subscriber(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn, draw = [], overlay_publisher.draw
    monkeypatch.setattr(overlay_publisher, "draw", lambda *a: drawn.append(1) or draw(*a))
    bench = start(**EVERYTHING_IS_FOUND)
    robot, overlay = bench.robot, bench.node.session.outputs["image"].overlay
    robot.register()

    def show_and_settle() -> Image:
        message, _ = robot.show()
        assert bench.node.server.wait_until_idle(dds.SECONDS)
        assert overlay.wait_until_idle(dds.SECONDS)
        return message

    show_and_settle()
    assert drawn == []
    inbox = Inbox()
    subscription = robot.create_subscription(Image, "/cape/overlay", inbox, 1)
    wait_for(overlay.is_watched)
    message = show_and_settle()
    picture = inbox.wait()
    assert picture.header == message.header
    assert (picture.width, picture.height) == (message.width, message.height)
    assert picture.encoding == "rgb8"
    assert len(picture.data) == picture.step * picture.height
    assert drawn == [1]
    robot.destroy_subscription(subscription)
    wait_for(lambda: not overlay.is_watched())
    show_and_settle()
    assert drawn == [1]


def test_an_overlay_that_fails_is_told_and_the_next_one_comes(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = start()
    inbox, log = Inbox(), Inbox()
    bench.robot.create_subscription(Image, "/cape/overlay", inbox, 1)
    monkeypatch.setattr(LogForwarder, "emit", lambda self, record: log(record))
    wait_for(bench.node.session.outputs["image"].overlay.is_watched)
    with monkeypatch.context() as patch:
        patch.setattr(overlay_publisher, "draw", lambda *_: 1 / 0)
        bench.robot.show()
        assert "ZeroDivisionError" in str(log.wait().exc_info)
    message, _ = bench.robot.show()
    assert inbox.wait().header == message.header


def test_images_are_answered_while_a_registration_is_written(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = start(**EVERYTHING_IS_FOUND)
    put, writing, go_on = CategoryLibrary.put, threading.Event(), threading.Event()

    def slow_disk(library: CategoryLibrary, category: Category) -> Category:
        writing.set()
        assert go_on.wait(dds.SECONDS)
        return put(library, category)

    monkeypatch.setattr(CategoryLibrary, "put", slow_disk)
    registered = bench.robot.begin_registration()
    try:
        assert writing.wait(dds.SECONDS)
        for _ in range(3):
            assert bench.robot.show()[1].objects == []
    finally:
        go_on.set()
    assert answer(registered).success
    assert [found.category for found in bench.robot.show()[1].objects] == ["cup"]


def test_an_internal_error_is_answered_and_the_node_goes_on(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = start()

    def out_of_memory(estimator: Estimator, category: Category) -> Any:
        raise RuntimeError("CUDA out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(Estimator, "encode_upright", out_of_memory)
        refused = bench.robot.register()
    assert not refused.success
    assert "CUDA out of memory" in refused.message
    assert bench.state == ({}, 0)
    assert bench.node.server.statistics.rejected == {}
    assert bench.node.server.statistics.failures == {"RuntimeError": 1}
    assert bench.robot.register().success
