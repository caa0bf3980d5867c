"""A category in space: its shape from all sides, and its named frames."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from playwright.sync_api import Locator, expect

from cape_ros.server.server import RegisterMode

from .coffee_space import FRAMES, with_shape
from .person import PHONE, Person
from .running import STILL, Running

LETTERS = """all => all.map((text) => {
  const { x, width } = text.getBBox();
  const base = text.y.baseVal[0].value;
  return [x, base - 9, x + width, base + 2];  // letters of 12 pixels, without the air around them
})"""


@pytest.fixture
def rate() -> float:
    return STILL


@pytest.fixture
def opened(visit: Callable[..., Person], running: Running) -> Callable[..., Person]:
    """A function that registers the coffee with its shape, and opens it in the library."""

    def open_coffee(**options: object) -> Person:
        running.server.register(with_shape(running.coffee, **FRAMES))
        person = visit("library", **options)
        person.press("Show coffee")
        expect(person.page.locator(".shape-view .space-point")).to_have_count(8)
        return person

    return open_coffee


def places(points: Locator) -> np.ndarray:
    """[N, 2] pixels of circles."""
    return np.array(
        points.evaluate_all("all => all.map(({cx, cy}) => [cx.baseVal.value, cy.baseVal.value])")
    )


@pytest.mark.parametrize("screen", [{}, PHONE])
def test_a_shape_is_seen_with_its_frames_and_a_scale(
    opened: Callable[..., Person], screen: dict[str, object]
) -> None:
    page = opened(**screen).page
    view = page.locator(".shape-view")
    for axis in "xyz":
        expect(view.locator(f".axis.{axis}")).to_have_count(3)  # of the object, and of both frames
    expect(view.locator(".scale-name")).to_have_text(re.compile(r"^\d+ cm$"))
    expect(page.locator("#category")).to_contain_text(re.compile(r"8 keypoints .* cm\."))
    assert len(view.locator(".frame-name").all()) == 2
    for turn in range(3):
        boxes = view.locator("text").evaluate_all(LETTERS)
        assert len(boxes) > 8 - turn
        for one, other in itertools.combinations(boxes, 2):
            overlap = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
            assert overlap.min() < 1
        view.press("ArrowRight")
        view.press("ArrowDown")
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]


def test_it_turns_zooms_and_comes_back(opened: Callable[..., Person]) -> None:
    page = opened().page
    view = page.locator(".shape-view")
    points = view.locator(".space-point[data-name=rim_left], .space-point[data-name=spoon_bowl]")
    before = places(points)
    frame = view.bounding_box()
    assert frame is not None
    page.mouse.move(frame["x"] + 100, frame["y"] + 100)
    page.mouse.down()
    page.mouse.move(frame["x"] + 160, frame["y"] + 130, steps=3)
    page.mouse.up()
    turned = places(points)
    assert np.abs(turned - before).max() > 10
    view.press("ArrowLeft")
    assert np.abs(places(points) - turned).max() > 2
    view.press("0")
    order = np.argsort(places(points)[:, 1]), np.argsort(before[:, 1])
    np.testing.assert_allclose(places(points)[order[0]], before[order[1]], atol=0.01)
    page.mouse.wheel(0, -300)
    expect(view.locator(".scale-name")).not_to_have_text("10 cm")
    apart = np.linalg.norm(np.ptp(places(points), axis=0)) / np.linalg.norm(np.ptp(before, axis=0))
    assert apart == pytest.approx(1.0015**300, rel=0.01)


def test_without_a_shape_it_is_said_how_to_get_one(person: Person, running: Running) -> None:
    running.server.register(running.coffee)
    person.go("library")
    person.press("Show coffee")
    expect(person.page.locator("#category")).to_contain_text("It has no shape yet: add a shot")
    expect(person.page.locator(".shape-view")).to_be_hidden()


def test_a_frame_is_added_changed_and_removed(
    opened: Callable[..., Person], running: Running
) -> None:
    person = opened()
    page = person.page
    person.press("Add a frame")
    form = page.get_by_role("form", name="New frame")
    person.press("Save the frame")
    expect(form).to_contain_text("give it a name")
    form.get_by_label("Name of the frame").fill("handle")
    person.press("Save the frame")
    expect(form).to_contain_text("is not a list of 1 to 16 keypoints")
    for name in ("handle_top", "handle_end"):
        form.get_by_role("button", name=name).click()
    form.get_by_label("z from").select_option("approach")
    form.get_by_label("x from").select_option(label="handle_top")
    person.press("Save the frame")
    expect(form).to_contain_text("x choose the keypoint that it points to")
    form.get_by_label("x to").select_option(label="handle_top")
    expect(form).to_contain_text("x points from 'handle_top' to itself")
    expect(form.get_by_label("x to")).to_have_attribute("aria-invalid", "true")
    form.get_by_label("x to").select_option(label="handle_end")
    expect(page.locator(".axis[data-frame=handle]")).to_have_count(3)  # before it is saved
    assert len(running.server.categories["coffee"].frames) == 2
    person.press("Save the frame")
    expect(page.locator(".toast")).to_contain_text("Saved handle of coffee, version 2")
    coffee = running.server.categories["coffee"]
    assert [frame.name for frame in coffee.frames] == ["grasp", "spoon", "handle"]
    assert coffee.frames[2].origin == (6, 7)
    assert [axis.along for axis in coffee.frames[2].axes] == [(6, 7), "approach"]

    person.press("Edit handle")
    form = page.get_by_role("form", name="Frame handle")
    expect(form.get_by_label("x to")).to_have_value("keypoint handle_end")
    form.get_by_label("Name of the frame").fill("grasp")
    expect(form).to_contain_text("grasp is there already")
    form.get_by_label("Name of the frame").fill("2nd")
    expect(form).to_contain_text("start with a letter")
    form.get_by_label("Name of the frame").fill("grip")
    person.press("Save the frame")
    expect(page.locator(".toast").last).to_contain_text("version 3")
    person.press("Remove grip")
    expect(page.locator(".frames li")).to_have_count(2)
    expect(page.locator(".axis[data-frame=grip]")).to_have_count(0)
    page.locator(".toast", has_text="Removed grip").get_by_role("button", name="Undo").click()
    expect(page.locator(".frames li")).to_have_count(3)
    names = [frame.name for frame in running.server.categories["coffee"].frames]
    assert names == ["grasp", "spoon", "grip"]
    person.complaints.clear()  # the browser's own, about the refusals


def test_an_edit_that_renames_and_reorders_keypoints_keeps_all_in_space(
    opened: Callable[..., Person], running: Running
) -> None:
    person = opened()
    page = person.page
    before = running.server.categories["coffee"]
    person.press("Edit")
    expect(page.locator("#teach-stage .mark")).to_have_count(8)
    page.get_by_label("Name of keypoint 1").fill("brim")
    person.press("Move brim down")
    person.register()
    after = running.server.categories["coffee"]
    assert after.keypoint_names[:2] == ("rim_right", "brim")
    assert [frame.name for frame in after.frames] == ["grasp", "spoon"]
    assert after.frames[0].origin == (1, 0)
    assert before.shape is not None
    assert after.shape is not None
    np.testing.assert_allclose(after.shape.points[[1, 0]], before.shape.points[:2])


def test_two_people_change_frames(opened: Callable[..., Person], running: Running) -> None:
    person = opened()
    page = person.page
    person.press("Edit spoon")
    page.get_by_label("Name of the frame").fill("bowl")
    theirs = with_shape(running.coffee, lid=FRAMES["grasp"])
    running.server.register(replace(theirs, shots=running.coffee.shots), RegisterMode.REPLACE)
    person.press("Save the frame")
    dialog = page.locator("dialog")
    expect(dialog.get_by_role("region", name="Theirs: version 2")).to_contain_text("lid: origin")
    yours = dialog.get_by_role("region", name="Yours: made from version 1")
    expect(yours).to_contain_text("bowl: origin spoon_neck")
    person.press("Save bowl onto theirs")
    expect(page.locator(".toast")).to_contain_text("version 3")
    names = [frame.name for frame in running.server.categories["coffee"].frames]
    assert names == ["lid", "bowl"]
    expect(page.locator(".frames li")).to_have_count(2)
    person.complaints.clear()  # the browser's own, about the refusal
