"""Everything that a mouse can do, done without one."""

from __future__ import annotations

import numpy as np
from playwright.sync_api import Page, expect

from .person import Person
from .running import Running


def test_an_object_is_taught_with_keys_only(person: Person, running: Running) -> None:
    page = person.page
    person.wait_for_frames()
    _tab_to(page, "#teach-frame")
    person.freezing(lambda: page.keyboard.press("Enter"))
    expect(page.locator("#teach-stage")).to_be_focused()
    # The cross hair starts in the middle, 320, 240; Shift goes ten steps at once.
    person.keys("b", *["Shift+ArrowLeft"] * 10, *["Shift+ArrowUp"] * 10, "Enter")
    person.keys(*["Shift+ArrowRight"] * 20, *["Shift+ArrowDown"] * 20, "Enter")
    expect(page.locator("#teach-stage .box")).to_have_count(1)
    person.keys(*["Shift+ArrowUp"] * 5, "Enter")  # the first keypoint
    person.keys(*["Shift+ArrowLeft"] * 5, "Enter")
    person.keys("ArrowRight", "Shift+ArrowLeft", "Shift+ArrowLeft", "Enter")
    expect(page.locator("#teach-stage .mark")).to_have_count(3)
    person.keys("]", "ArrowUp", "ArrowUp", "Enter")  # the first one, two steps up
    person.keys("]", "]", "]", "Delete")  # the last one is not needed
    person.keys("c", "Escape")
    _tab_to(page, "#object-name")
    page.keyboard.type("keys")
    _tab_to(page, ".keypoints input")
    page.keyboard.type("first")
    page.keyboard.press("Enter")
    page.keyboard.type("second")
    page.keyboard.press("Alt+ArrowUp")
    _tab_to(page, "#register")
    page.keyboard.press("Enter")
    expect(page.locator("#view-live")).to_be_visible()
    taught = running.server.categories["keys"]
    assert tuple(taught.keypoint_names) == ("second", "first")
    np.testing.assert_allclose(taught.shots[0].keypoints, [(370, 290), (420, 288)], atol=0.1)
    x, y, width, height = taught.shots[0].box
    np.testing.assert_allclose((x, y, width, height), (220.5, 140.5, 200, 200), atol=0.1)


def test_keypoints_are_connected_with_keys(person: Person, running: Running) -> None:
    page = person.page
    person.wait_for_frames()
    person.freezing(lambda: person.press("Teach from this frame"))
    person.keys("p", "ArrowLeft", "Enter", *["Shift+ArrowRight"] * 5, "Enter")
    person.keys("c", "Enter", *["Shift+ArrowLeft"] * 5, "Enter")
    expect(page.locator("#teach-stage .edge-draft")).to_have_count(1)
    expect(page.locator("#announce")).to_contain_text("connected")


def test_the_answer_to_a_question_about_a_keypoint_is_reached_with_keys(
    person: Person, running: Running
) -> None:
    page = person.page
    person.teach_coffee()
    running.published("cup", 1, frames=1)
    _tab_to(page, ".score")
    expect(page.locator("#live-stage .point.chosen .point-label")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("#why .map")).to_have_count(3)


def _tab_to(page: Page, selector: str) -> None:
    """Press Tab until that element has the focus."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement?.matches(selector)", selector):
            return
    raise AssertionError(f"{selector} is not reached with Tab")
