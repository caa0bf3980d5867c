"""Teaching with a mouse: what is clicked is registered, and found in the next frames."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import Route, expect

from .person import Person
from .running import Running

NEAR = 1.0  # pixels between where one clicks and what is registered; the mouse has whole pixels


def test_an_unseen_object_is_taught_with_few_clicks_and_found_at_once(
    person: Person, running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    seconds = person.teach_coffee()
    for said in ("^Registered cup", "^cup is found"):  # one after the other: they go after a while
        expect(person.page.locator(".toast.good", has_text=re.compile(said))).to_be_visible()
    errors = running.errors(running.published("cup", 1))
    with capsys.disabled():
        print(
            f"\nStudio: 8 keypoints taught with {person.clicks} clicks in {seconds:.1f} s, "
            f"median error of the next frames {np.nanmedian(errors):.1%} of the object"
        )
    assert person.clicks <= 20
    assert np.nanmedian(errors) < 0.1
    cup = running.server.categories["cup"]
    assert tuple(cup.keypoint_names) == tuple(running.coffee.keypoint_names)
    person.wait_for_frames()
    expect(person.page.locator('#live-stage [data-category="cup"] .point')).to_have_count(8)
    expect(
        person.page.locator('#objects [data-category="cup"] .scores .number').first
    ).not_to_have_text("0.00")


def test_what_is_registered_is_where_one_clicked(person: Person, running: Running) -> None:
    person.wait_for_frames()
    stamp = person.freezing(lambda: person.press("Teach from this frame"))
    points = running.visible(stamp)
    for x, y in points[:3].tolist():
        person.click_at(x, y)
    person.press("Connect in order")
    person.name_object("three")
    person.register()
    three = running.server.categories["three"]
    assert np.abs(three.shots[0].keypoints - points[:3]).max() < NEAR
    assert list(three.edges) == [(0, 1), (1, 2)]
    np.testing.assert_array_equal(three.shots[0].image.shape, (480, 640, 3))


def test_a_point_is_corrected_by_dragging_and_undone(person: Person, running: Running) -> None:
    person.wait_for_frames()
    person.freezing(lambda: person.press("Teach from this frame"))
    person.click_at(100, 100)
    person.click_at(300, 200)
    person.drag((100, 100), (160, 140))
    person.drag((300, 200), (320, 260))
    person.keys("Control+z")
    person.name_object("two")
    person.register()
    registered = running.server.categories["two"].shots[0].keypoints
    np.testing.assert_allclose(registered, [(160, 140), (300, 200)], atol=NEAR)


def test_a_press_for_the_browsers_menu_marks_nothing(person: Person) -> None:
    page = person.page
    person.wait_for_frames()
    person.freezing(lambda: person.press("Teach from this frame"))
    person.click_at(100, 100)
    page.mouse.click(*person.on_page(300, 200), button="right")
    with_control = person.on_page(300, 300)  # the second button of a Mac
    page.keyboard.down("Control")
    page.mouse.click(*with_control)
    page.keyboard.up("Control")
    page.mouse.move(*person.on_page(100, 100))
    page.mouse.down(button="right")
    page.mouse.move(*person.on_page(200, 200), steps=4)
    page.mouse.up(button="right")
    person.click_at(400, 300)
    expect(page.locator("#teach-stage .mark")).to_have_count(2)
    np.testing.assert_allclose(_marks(person), [(100, 100), (400, 300)], atol=NEAR)


def test_keypoints_are_connected_reordered_hidden_and_removed(
    person: Person, running: Running
) -> None:
    page = person.page
    person.wait_for_frames()
    person.freezing(lambda: person.press("Teach from this frame"))
    for x, y in ((100, 100), (300, 200), (200, 300), (400, 300)):
        person.click_at(x, y)
    person.name_keypoints(["a", "b", "c", "d"])
    person.click('[data-tool="connect"]')
    person.click_at(100, 100)
    person.click_at(200, 300)
    person.press("Move c up")
    person.press("Remove d")
    person.press("b: hidden in this shot")
    person.name_object("abc")
    person.register()
    abc = running.server.categories["abc"]
    assert tuple(abc.keypoint_names) == ("a", "c", "b")
    assert list(abc.edges) == [(0, 1)]
    assert abc.shots[0].visible.tolist() == [True, True, False]
    expect(page.locator(".toast.bad")).to_have_count(0)


def test_problems_are_listed_before_anything_is_registered(
    person: Person, running: Running
) -> None:
    page = person.page
    person.wait_for_frames()
    person.freezing(lambda: person.press("Teach from this frame"))
    person.click_at(100, 100)
    person.click_at(300, 200)
    person.name_keypoints(["same", "same"])
    person.click("#register")
    listed = page.locator(".problems")
    expect(listed).to_contain_text("Give the object a name")
    expect(listed).to_contain_text("Two keypoints are called same")
    assert not running.server.categories
    person.name_object("-bad-")
    person.name_keypoints(["one", "two"])
    expect(listed).to_contain_text("start with a letter or digit")  # the server's own words
    page.fill("#object-name", "good")
    expect(page.locator("#check-title")).to_have_text("Ready to register")


def test_a_second_shot_starts_from_what_the_network_found(person: Person, running: Running) -> None:
    page = person.page
    person.teach_coffee()
    running.published("cup", 1)
    before = person.clicks
    stamp = person.freezing(lambda: person.press("Add a shot of cup"))
    expect(page.locator(".keypoints .open")).to_have_count(0)
    truth = running.visible(stamp)
    person.drag(_marks(person)[0], truth[0])  # one correction
    if page.get_by_role("button", name="All are right").count():
        person.press("All are right")
    person.register()
    assert person.clicks - before <= 4
    cup = running.server.categories["cup"]
    assert (cup.version, len(cup.shots)) == (2, 2)
    errors = np.linalg.norm(cup.shots[1].keypoints - truth, axis=1)
    assert errors[0] < NEAR
    assert np.median(errors) < 0.1 * running.truth[stamp].size


def test_a_second_shot_of_an_unregistered_object_starts_so_too(
    person: Person, running: Running
) -> None:
    page = person.page
    person.wait_for_frames()
    first = person.freezing(lambda: person.press("Teach from this frame"))
    person.draw_box(running.visible(first))
    for x, y in running.visible(first).tolist():
        person.click_at(x, y)
    second = person.freezing(lambda: person.press("+ Freeze the camera"))
    expect(page.locator(".keypoints .open")).to_have_count(0)
    errors = np.linalg.norm(np.array(_marks(person)) - running.visible(second), axis=1)
    assert np.median(errors) < 0.1 * running.truth[second].size


def test_a_prediction_leaves_what_a_person_set_meanwhile(person: Person, running: Running) -> None:
    page = person.page
    running.server.register(running.coffee)
    person.wait_for_frames()
    person.freezing(lambda: person.press("Add a shot of coffee"))
    expect(page.locator(".keypoints .open")).to_have_count(0)
    for _ in range(2):
        person.press("spoon_end: hidden in this shot")  # hidden, then without a place
    before = _marks(person)
    held: list[Route] = []
    page.route("**/api/estimate", lambda route: held.append(route))
    with page.expect_request("**/api/estimate"):
        person.click("#predict")
    expect(page.locator("#predict")).to_have_attribute("aria-busy", "true")
    person.drag(before[0], (30, 40))
    page.locator(".keypoints .pick").nth(3).click()
    place = tuple(np.mean(before[1:3], axis=0))  # between two marks: no corner of the box is near
    person.click_at(*place)
    held[0].continue_()
    page.unroute("**/api/estimate")
    expect(page.locator("#predict")).to_be_enabled()
    np.testing.assert_allclose(_marks(person)[0], (30, 40), atol=NEAR)
    np.testing.assert_allclose(_marks(person)[3], place, atol=NEAR)
    person.press("Replace all by prediction")
    marks = page.locator("#teach-stage .mark >> nth=0")
    expect(marks).not_to_have_attribute("transform", "translate(30 40)")
    assert np.linalg.norm(np.array(_marks(person)[0]) - (30, 40)) > 10


def test_reloading_in_mid_teaching_loses_nothing(person: Person, running: Running) -> None:
    page = person.page
    person.wait_for_frames()
    stamp = person.freezing(lambda: person.press("Teach from this frame"))
    points = running.visible(stamp)
    for x, y in points[:4].tolist():
        person.click_at(x, y)
    person.name_object("reloaded")
    marked = _marks(person)
    page.reload()
    expect(page.locator("#teach-stage .mark")).to_have_count(4)
    assert _marks(person) == marked
    expect(page.locator("#object-name")).to_have_value("reloaded")
    page.locator("#teach-stage").focus()
    person.keys("Control+z", "Control+z")  # the name, then the last point
    expect(page.locator("#teach-stage .mark")).to_have_count(3)
    person.keys("Control+Shift+z", "Control+Shift+z")
    expect(page.locator("#teach-stage .mark")).to_have_count(4)
    # The node has started anew meanwhile and knows nothing of the image: the page sends it again.
    running.restart_studio()
    person.click("#register")
    expect(page.locator("#view-live")).to_be_visible()
    person.complaints.clear()  # the browser's own, about the first refusal
    registered = running.server.categories["reloaded"].shots[0]
    assert np.abs(registered.keypoints - points[:4]).max() < NEAR


def test_a_draft_that_cannot_be_read_does_no_harm(person: Person) -> None:
    page = person.page
    for kept in ("localStorage", "sessionStorage"):
        page.evaluate(f"{kept}.setItem('cape-studio-draft', '{{\"draft\": {{\"shots\": 1}}}}')")
    page.reload()
    person.go("teach")
    expect(page.locator("#freeze")).to_be_visible()


def test_a_draft_is_not_thrown_away_without_a_question(visit: Callable[..., Person]) -> None:
    person = visit()
    page = person.page
    person.wait_for_frames()
    person.freezing(lambda: person.press("Teach from this frame"))
    person.click_at(100, 100)
    person.press("Discard")
    person.press("Keep it")
    expect(page.locator("#teach-stage .mark")).to_have_count(1)
    person.press("Discard")
    person.press("Throw away")
    expect(page.locator("#freeze")).to_be_visible()


def test_two_tabs_have_a_draft_each(person: Person, running: Running) -> None:
    page = person.page
    person.wait_for_frames()
    person.freezing(lambda: person.press("Teach from this frame"))
    person.click_at(100, 100)
    person.name_object("first")
    other = Person(page.context.new_page(), running)
    other.open("teach")
    expect(other.page.locator("#object-name")).to_have_value("first")  # what was changed last
    other.page.fill("#object-name", "second")
    page.reload()
    expect(page.locator("#object-name")).to_have_value("first")
    expect(page.locator("#teach-stage .mark")).to_have_count(1)
    page.bring_to_front()
    person.press("Discard")
    person.press("Throw away")
    expect(page.locator("#freeze")).to_be_visible()
    other.page.reload()
    expect(other.page.locator("#object-name")).to_have_value("second")
    page.reload()
    expect(page.locator("#freeze")).to_be_visible()
    assert other.complaints == []


def _marks(person: Person) -> list[tuple[float, float]]:
    """Where the keypoints of the shot in work are drawn, in image pixels."""
    places = person.page.locator("#teach-stage .mark").evaluate_all(
        "marks => marks.map(mark => mark.transform.baseVal[0].matrix).map(({e, f}) => [e, f])"
    )
    return [(x, y) for x, y in places]


WITHOUT_STORAGE = """
for (const name of ["localStorage", "sessionStorage", "indexedDB"]) {
  const refuse = () => { throw new DOMException("denied for this document", "SecurityError"); };
  Object.defineProperty(window, name, { get: refuse });
}
"""


def test_an_object_is_taught_in_a_browser_that_keeps_nothing(
    person: Person, running: Running
) -> None:
    """One that blocks the data of all sites, as Chrome and Firefox can be told to."""
    person.page.add_init_script(WITHOUT_STORAGE)
    person.page.reload()
    person.teach_coffee()
    assert list(running.server.categories) == ["cup"]
    person.go("library")
    person.press("Show cup")
    person.press("Edit")
    expect(person.page.locator("#teach-stage .mark")).to_have_count(
        len(running.coffee.keypoint_names)
    )
