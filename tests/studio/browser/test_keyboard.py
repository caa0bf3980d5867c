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


def test_enter_that_ends_the_choice_of_an_input_method_goes_nowhere(person: Person) -> None:
    """As a person types in Japanese, Chinese or Korean: letters, a choice among words, Enter."""
    page = person.page
    person.wait_for_frames()
    person.freezing(lambda: person.press("Teach from this frame"))
    person.keys("p", "ArrowLeft", "Enter", *["Shift+ArrowRight"] * 5, "Enter")
    names = page.locator(".keypoints input")
    names.first.focus()
    _compose(page, "取っ手")
    expect(names.first).to_be_focused()
    expect(names.first).to_have_value("取っ手")
    page.keyboard.press("Enter")
    expect(names.nth(1)).to_be_focused()


def test_enter_that_ends_the_choice_of_an_input_method_renames_nothing(
    person: Person, running: Running
) -> None:
    page = person.page
    person.teach_coffee()
    person.go("library")
    person.press("Show cup")
    person.press("Rename")
    _compose(page, "カップ")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert list(running.server.categories) == ["cup"]


def test_the_keys_of_a_layout_without_latin_letters(person: Person) -> None:
    page = person.page
    person.wait_for_frames()
    person.freezing(lambda: person.press("Teach from this frame"))
    keyboard = page.context.new_cdp_session(page)

    def press(key: str, code: str, modifiers: int = 0) -> None:
        for kind in ("rawKeyDown", "keyUp"):
            event = {"type": kind, "key": key, "code": code, "modifiers": modifiers}
            keyboard.send("Input.dispatchKeyEvent", event)

    point = page.get_by_role("button", name="Point", exact=True)
    press("з", "KeyP")
    expect(point).to_have_attribute("aria-pressed", "true")
    person.keys("Enter", *["Shift+ArrowRight"] * 5, "Enter")
    marks = page.locator("#teach-stage .mark")
    expect(marks).to_have_count(2)
    control, shift = 2, 8
    press("я", "KeyZ", control)
    expect(marks).to_have_count(1)
    press("Я", "KeyZ", control | shift)
    expect(marks).to_have_count(2)
    page.locator("#teach-stage").focus()
    for _ in range(2):  # the last keypoint, then the one before it
        press("х", "BracketLeft")
    expect(page.locator("#announce")).to_contain_text("point_1")
    page.locator("#object-name").focus()
    press("и", "KeyB")
    expect(point).to_have_attribute("aria-pressed", "true")


def _compose(page: Page, words: str) -> None:
    """Enter is pressed while the words are still those of the input method, then they are taken."""
    session = page.context.new_cdp_session(page)
    ends = {"selectionStart": len(words), "selectionEnd": len(words)}
    session.send("Input.imeSetComposition", {"text": words, **ends})
    enter = {"type": "rawKeyDown", "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 229}
    session.send("Input.dispatchKeyEvent", enter)
    session.send("Input.insertText", {"text": words})


def _tab_to(page: Page, selector: str) -> None:
    """Press Tab until that element has the focus."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement?.matches(selector)", selector):
            return
    raise AssertionError(f"{selector} is not reached with Tab")
