"""Two people at one library: nobody's work is replaced without their knowing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from playwright.sync_api import expect

from cape_ros.server.server import RegisterMode

from .person import Person
from .running import STILL, Running


@pytest.fixture
def rate() -> float:
    return STILL


@pytest.fixture
def editing(visit: Callable[..., Person], running: Running) -> Person:
    """A person who renamed a keypoint of the coffee, which somebody else replaced meanwhile."""
    running.server.register(running.coffee)
    person = visit("library")
    person.press("Show coffee")
    person.press("Edit")
    expect(person.page.locator("#teach-stage .mark")).to_have_count(8)
    person.page.get_by_label("Name of keypoint 1").fill("mine")
    names = ("theirs", *running.coffee.keypoint_names[1:])
    theirs = replace(running.coffee, keypoint_names=names)
    running.server.register(theirs, RegisterMode.REPLACE)
    return person


def register_into_conflict(person: Person) -> None:
    with person.page.expect_response(lambda answer: answer.status == 409):
        person.click("#register")
    expect(person.page.locator("dialog")).to_be_visible()
    person.complaints.clear()  # the browser's own, about the refusal


def test_both_versions_are_shown_and_mine_replaces_theirs_on_purpose(
    editing: Person, running: Running
) -> None:
    register_into_conflict(editing)
    dialog = editing.page.locator("dialog")
    expect(dialog.get_by_role("region", name="Theirs: version 2")).to_contain_text("theirs")
    yours = dialog.get_by_role("region", name="Yours: made from version 1")
    expect(yours).to_contain_text("mine")
    for image in dialog.locator("img").all():
        expect(image).to_have_js_property("complete", True)
        assert image.evaluate("image => image.naturalWidth") > 0
    editing.press("Replace with mine")
    expect(editing.page.locator("#view-live")).to_be_visible()
    coffee = running.server.categories["coffee"]
    assert (coffee.version, coffee.keypoint_names[0]) == (3, "mine")


def test_theirs_is_taken_and_mine_comes_back(editing: Person, running: Running) -> None:
    register_into_conflict(editing)
    editing.press("Go on editing")
    expect(editing.page.get_by_label("Name of keypoint 1")).to_have_value("mine")
    editing.press("Compare…")
    editing.press("Take theirs")
    expect(editing.page.locator(".card")).to_contain_text("version 2")
    coffee = running.server.categories["coffee"]
    assert (coffee.version, coffee.keypoint_names[0]) == (2, "theirs")
    editing.press("Undo")
    page = editing.page
    expect(page.get_by_label("Name of keypoint 1")).to_have_value("mine")
    expect(page.locator("#teach-stage .mark")).to_have_count(8)
    expect(page.locator("#teach-stage")).to_have_class("stage filled")
    register_into_conflict(editing)
    editing.press("Replace with mine")
    expect(page.locator("#view-live")).to_be_visible()
    assert running.server.categories["coffee"].keypoint_names[0] == "mine"


@pytest.fixture
def adding(visit: Callable[..., Person], running: Running) -> Person:
    """A person who marked a further shot of the coffee."""
    running.server.register(running.coffee)
    person = visit()
    person.wait_for_frames()
    person.go("library")
    person.press("Show coffee")
    person.freezing(lambda: person.press("Add a shot"))
    page = person.page
    expect(page.locator(".keypoints .open")).to_have_count(0)
    if page.get_by_role("button", name="All are right").count():
        person.press("All are right")
    return person


def test_a_shot_is_added_to_what_somebody_else_added_to(adding: Person, running: Running) -> None:
    running.server.register(running.coffee, RegisterMode.ADD_SHOTS)
    register_into_conflict(adding)
    adding.press("Add mine to version 2")
    expect(adding.page.locator("#view-live")).to_be_visible()
    coffee = running.server.categories["coffee"]
    assert (coffee.version, len(coffee.shots)) == (3, 3)


def test_a_shot_of_a_category_that_was_removed_is_registered_as_new(
    adding: Person, running: Running
) -> None:
    running.server.remove("coffee")
    register_into_conflict(adding)
    expect(adding.page.locator("dialog")).to_contain_text("not registered any more")
    adding.press("Register as new")
    expect(adding.page.locator("#view-live")).to_be_visible()
    coffee = running.server.categories["coffee"]
    assert len(coffee.shots) == 1
    assert tuple(coffee.keypoint_names) == tuple(running.coffee.keypoint_names)


def test_shots_that_do_not_fit_any_more_get_another_name(adding: Person, running: Running) -> None:
    (shot,) = running.coffee.shots
    fewer = replace(
        running.coffee,
        keypoint_names=running.coffee.keypoint_names[:2],
        edges=[],
        shots=[replace(shot, keypoints=shot.keypoints[:2], visible=shot.visible[:2])],
    )
    running.server.register(fewer, RegisterMode.REPLACE)
    register_into_conflict(adding)
    adding.press("Register mine under another name")
    expect(adding.page.locator("#object-name")).to_be_focused()
    adding.page.keyboard.type("coffee_2")
    adding.register()
    assert len(running.server.categories["coffee_2"].keypoint_names) == 8
    assert running.server.categories["coffee"].version == 2


def test_what_somebody_changed_is_not_removed_unseen(
    visit: Callable[..., Person], running: Running
) -> None:
    running.server.register(running.coffee)
    person = visit("library")
    person.press("Show coffee")
    running.server.register(running.coffee, RegisterMode.ADD_SHOTS)
    person.press("Remove")
    person.page.locator("dialog").get_by_role("button", name="Remove").click()
    dialog = person.page.locator("dialog")
    expect(dialog).to_contain_text("Somebody changed it meanwhile: it is version 2 now")
    assert "coffee" in running.server.categories
    person.complaints.clear()
    dialog.get_by_role("button", name="Remove").click()
    expect(person.page.locator(".card")).to_have_count(0)
    assert not running.server.categories
