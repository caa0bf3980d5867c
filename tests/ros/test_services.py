"""The services beside registration, each with what it refuses."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import dds  # before the message packages
import numpy as np
import pytest
from builtin_interfaces.msg import Time
from dds import EVERYTHING_IS_FOUND, PIXELS, Bench, answer, frame_in_the_network, shot
from sensor_msgs.msg import Image, RegionOfInterest
from std_msgs.msg import Header
from test_parameters import change

from cape_ros.msg import Keypoint
from cape_ros.ros.conversions import to_image
from cape_ros.server.server import RegisterMode
from cape_ros.srv import (
    ActivateCategories,
    Estimate,
    GetCategory,
    ListCategories,
    RemoveCategory,
    SuggestShots,
)

Start = Callable[..., Bench]


def test_the_list_says_what_the_latched_topic_says(start: Start) -> None:
    robot = start().robot
    robot.register()
    robot.register(name="pan")
    listed = robot.ask(ListCategories, "list_categories")
    assert listed.database_version == 2
    latched = robot.categories.wait(lambda m: m.database_version == 2)
    assert listed.categories == latched.categories
    assert {category.name for category in listed.categories} == {"cup", "pan"}


def test_a_category_can_be_copied_to_another_robot(start: Start) -> None:
    bench = start()
    robot = bench.robot
    keypoints = [*shot().keypoints[:3], Keypoint(visibility=Keypoint.OCCLUDED)]
    taken = shot(keypoints=keypoints, automatic=True)
    robot.register(shots=[shot(), taken], symmetries=[1, 0, 2, 3])
    got = robot.ask(GetCategory, "get_category", name="cup")
    assert got.success, got.message
    assert (got.category.version, got.category.shots) == (1, 2)
    copied = robot.register(
        name="cup2",
        keypoint_names=got.category.keypoint_names,
        edges=got.category.edges,
        symmetries=got.category.symmetries,
        shots=got.shots,
    )
    assert copied.success, copied.message
    known = bench.node.server.categories
    cup, copy = known["cup"], known["cup2"]
    assert copy.edges == cup.edges
    assert copy.symmetries == ((1, 0, 2, 3),)
    assert [one.automatic for one in copy.shots] == [False, True]
    for before, after in zip(cup.shots, copy.shots, strict=True):
        assert np.array_equal(before.image, after.image)
        assert np.array_equal(before.keypoints, after.keypoints)
        assert np.array_equal(before.visible, after.visible)
        np.testing.assert_allclose(before.box, after.box, atol=2)  # whole pixels
    refused = robot.ask(GetCategory, "get_category", name="zebra")
    assert not refused.success
    assert "name: 'zebra' is not registered" in refused.message


def test_a_registration_says_what_the_shots_find_of_each_other(start: Start) -> None:
    robot = start().robot
    alone = robot.register()
    assert alone.message == "cup version 1: 4 keypoints, 1 shot"
    more = robot.register(mode=RegisterMode.ADD_SHOTS, shots=[shot()])
    assert re.fullmatch(
        r"cup version 2: 4 keypoints, 2 shots; \d of 8 points are found from the other shots.*",
        more.message,
    )


def active(robot: dds.Robot) -> dict[str, bool]:
    listed = robot.ask(ListCategories, "list_categories").categories
    return {category.name: category.active for category in listed}


def test_only_active_categories_are_estimated(start: Start) -> None:
    bench = start()
    robot = bench.robot
    for name in ("cup", "pan"):
        robot.register(name=name)

    def found() -> set[str]:
        return {one.category for one in robot.show()[1].objects}

    assert found() == {"cup", "pan"}
    answer = robot.ask(ActivateCategories, "activate_categories", categories=["pan"])
    assert answer.success, answer.message
    assert found() == {"pan"}
    assert active(robot) == {"cup": False, "pan": True}
    robot.categories.wait(lambda m: [c.active for c in m.categories].count(False) == 1)
    assert bench.node.get_parameter("active_categories").value == ["pan"]
    assert change(bench, active_categories=["cup"]).successful
    assert found() == {"cup"}
    assert robot.ask(ActivateCategories, "activate_categories").success
    assert found() == set()
    assert robot.ask(ActivateCategories, "activate_categories", all=True).success
    assert found() == {"cup", "pan"}


def test_a_category_that_is_gone_does_not_keep_the_node_from_starting(start: Start) -> None:
    bench = start(active_categories=["cup"], **EVERYTHING_IS_FOUND)
    robot = bench.robot
    assert robot.register().success
    assert robot.show()[1].objects == []  # it was not there when the node was configured
    assert change(bench, active_categories=["*"]).successful
    assert robot.show()[1].objects


def test_an_image_is_answered_on_demand(start: Start) -> None:
    bench = start(**EVERYTHING_IS_FOUND)
    robot = bench.robot
    robot.register()
    robot.register(name="pan")
    header = Header(stamp=Time(sec=9), frame_id="hand")
    given = to_image(PIXELS, header)
    answer = robot.ask(Estimate, "estimate", image=given)
    assert answer.success, answer.message
    assert answer.keypoints.header == header
    assert [one.category for one in answer.keypoints.objects] == ["cup", "pan"]
    assert {one.track_id for one in answer.keypoints.objects} == {-1}
    assert {tuple(one.keypoint_names) for one in answer.keypoints.objects} == {tuple(dds.NAMES)}
    assert (answer.keypoints.image_width, answer.keypoints.image_height) == (120, 90)
    box = RegionOfInterest(x_offset=10, y_offset=5, width=60, height=70)
    (pan,) = robot.ask(
        Estimate, "estimate", image=given, categories=["pan"], boxes=[box]
    ).keypoints.objects
    assert (pan.category, pan.box.x_offset, pan.box.y_offset) == ("pan", 10, 5)
    message, _ = robot.show()
    newest = robot.ask(Estimate, "estimate", categories=["cup"])
    assert newest.keypoints.header == message.header


def test_an_estimate_without_an_image_needs_one_that_went_by(start: Start) -> None:
    robot = start().robot
    robot.register()
    refused = robot.ask(Estimate, "estimate", image=Image())
    assert not refused.success
    assert "stamp: " in refused.message
    assert robot.show()[1].objects


def test_ten_registrations_at_once_are_answered_one_after_another(start: Start) -> None:
    bench = start()
    robot = bench.robot
    names = [f"cup{index}" for index in range(10)]
    with ThreadPoolExecutor(10) as pool:
        futures = list(pool.map(lambda name: robot.begin_registration(name=name), names))
    answers = [answer(future) for future in futures]
    assert all(response.success for response in answers)
    assert bench.state == (dict.fromkeys(names, 1), 10)
    assert {one.category for one in robot.show()[1].objects} == set(names)


def test_ten_times_the_same_registration_is_made_once(start: Start) -> None:
    bench = start()
    futures = [bench.robot.begin_registration() for _ in range(10)]
    answers = [answer(future) for future in futures]
    assert sum(response.success for response in answers) == 1
    assert bench.state == ({"cup": 1}, 1)
    assert bench.node.server.statistics.rejected == {"name": 9}


def test_a_request_of_50_megabytes_is_refused_by_its_size(start: Start) -> None:
    bench = start()
    robot = bench.robot
    large = to_image(np.zeros((4096, 4096, 3), np.uint8), Header())
    refused = robot.register(shots=[shot(image=large)])
    assert not refused.success
    assert "shots: 50 MB of images are more than 40 MB" in refused.message
    refused = robot.ask(Estimate, "estimate", image=large)
    assert "image: 50 MB" in refused.message
    assert bench.state == ({}, 0)
    assert robot.register().success
    assert robot.show()[1].objects


def test_a_category_may_go_while_its_frame_is_in_the_network(start: Start) -> None:
    bench = start(**EVERYTHING_IS_FOUND)
    robot = bench.robot
    robot.register()
    robot.register(name="pan")
    with frame_in_the_network(bench, 77):
        removal = robot.begin_removal("cup")
    assert answer(removal).success
    during = robot.keypoints.wait(lambda m: m.header.stamp.sec == 77)
    assert {one.category for one in during.objects} == {"cup", "pan"}
    assert [one.category for one in robot.show()[1].objects] == ["pan"]


def test_a_registration_with_add_keeps_the_activation(start: Start) -> None:
    robot = start().robot
    robot.register()
    robot.ask(ActivateCategories, "activate_categories", categories=["cup"])
    assert robot.register(mode=RegisterMode.ADD_SHOTS).success
    assert active(robot) == {"cup": True}


def test_a_request_is_answered_by_one_session(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = start()
    services = bench.node._answering
    asked: list[int] = []
    session = services._session
    monkeypatch.setattr(services, "_session", lambda: asked.append(1) or session())
    for wanted, done in enumerate((True, False), 1):
        assert bench.robot.register().success == done  # the second is refused
        assert len(asked) == wanted
    assert bench.node.server.statistics.rejected == {"name": 1}


def test_automatic_shots_can_be_removed_and_the_others_stay(start: Start) -> None:
    bench = start()
    robot = bench.robot
    robot.register(shots=[shot(), shot(automatic=True)])
    asked = {"name": "cup", "automatic_shots": True}
    removed = robot.ask(RemoveCategory, "remove_category", **asked)
    assert removed.success, removed.message
    assert [one.automatic for one in bench.node.server.categories["cup"].shots] == [False]
    again = robot.ask(RemoveCategory, "remove_category", **asked)
    assert not again.success
    assert "no automatic shots" in again.message


def test_shots_are_suggested_for_a_registered_category_only(start: Start) -> None:
    robot = start().robot
    robot.register()
    none = robot.ask(SuggestShots, "suggest_shots", category="cup")
    assert (none.success, none.shots) == (True, [])
    assert "move the camera" in none.message
    unknown = robot.ask(SuggestShots, "suggest_shots", category="mug")
    assert not unknown.success
    assert unknown.message.startswith("category: 'mug' is not registered")
