"""The live view: what is found, how sure it is and why; viewers that do not disturb each other."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from steered import wait_for

from cape_ros.perception.drawing.instances import instance_colors
from cape_ros.perception.objects import ObjectKeypoints

from .person import Person
from .running import CAMERA, Running

SLOW = """
const decode = window.createImageBitmap;
window.createImageBitmap = async (...given) => {
  await new Promise((resolve) => setTimeout(resolve, 1500));
  return decode(...given);
};
"""


def test_keypoints_have_names_scores_and_a_history(person: Person, running: Running) -> None:
    page = person.page
    person.teach_coffee()
    running.published("cup", 1, frames=3)
    person.wait_for_frames()
    row = page.get_by_role("button", name="rim_left")
    row.hover()
    expect(page.locator('#live-stage [data-name="rim_left"] .point-label')).to_be_visible()
    expect(page.locator('#live-stage [data-name="rim_right"] .point-label')).to_be_hidden()
    expect(row.locator(".sparkline path")).to_have_attribute("d", re.compile("^M"))
    page.get_by_label("All names").check()
    expect(page.locator('#live-stage [data-name="rim_right"] .point-label')).to_be_visible()
    facts = page.locator("#live-stage .facts")
    for name in ("results", "age", "network", "dropped"):
        expect(facts).to_contain_text(name)


def test_a_category_that_was_just_registered_is_waited_for(person: Person) -> None:
    page = person.page
    page.evaluate(
        """() => {
          window.said = [];
          const objects = document.querySelector("#objects");
          const note = () => {
            const words = objects.querySelector(".empty:not([hidden])");
            if (words) window.said.push(words.textContent);
          };
          new MutationObserver(note).observe(objects, { childList: true, subtree: true });
        }"""
    )
    person.teach_coffee()
    expect(page.locator('#objects [data-category="cup"]')).to_be_visible()
    said = page.evaluate("window.said")
    assert not any("Nothing is looked for" in words for words in said)


def test_what_is_asked_for_while_the_link_opens_is_not_lost(person: Person) -> None:
    widths = person.page.evaluate(
        """async (camera) => {
          const { LiveLink } = await import("./js/live_link.js");
          const link = new LiveLink(), widths = [];
          const done = new Promise((resolve) =>
            link.addEventListener("frame", ({ detail }) => {
              widths.push(detail.bitmap.width);
              if (widths.length > 5 || widths.at(-1) === 320) resolve();
            }),
          );
          link.open(camera, { width: 160, space: false, depth: false });
          link.ask({ width: 320, space: false, depth: false });
          await done;
          link.close();
          return widths;
        }""",
        CAMERA,
    )
    assert widths[-1] == 320


@pytest.fixture
def three(running: Running, monkeypatch: pytest.MonkeyPatch) -> list[ObjectKeypoints]:
    """The objects of every result: three coffees in one place; the last one is only predicted."""
    (shot,) = running.coffee.shots
    names = running.coffee.keypoint_names
    scores = np.full(len(names), 0.9, np.float32)
    scores[0] = 0.2
    matches = np.full(len(names), 0.4, np.float32)
    objects = [
        ObjectKeypoints(
            *("coffee", 1, shot.box, shot.keypoints + 8 * number, scores, matches, names),
            track_id=number,
            predicted=number == 11,
            age=4.2,
        )
        for number in (3, 4, 11)
    ]
    assert running.studio is not None
    offer = running.studio.offer
    monkeypatch.setattr(
        running.studio, "offer", lambda result: offer(replace(result, objects=objects))
    )
    return objects


def test_objects_of_one_category_are_told_apart(
    three: list[ObjectKeypoints], visit: Callable[..., Person], running: Running
) -> None:
    running.server.register(running.coffee)
    person = visit()
    page = person.page
    drawn = page.locator("#live-stage [data-category=coffee]")
    expect(drawn).to_have_count(3)
    titles = page.locator("#live-stage .object-title")
    assert titles.all_text_contents() == [
        "coffee 3  0.40",
        "coffee 4  0.40",
        "coffee 11  predicted",
    ]
    # All at once: the next frame draws them anew.
    boxes = titles.evaluate_all("all => all.map((each) => each.getBoundingClientRect().toJSON())")
    for one, other in itertools.combinations(boxes, 2):
        across = min(one["x"] + one["width"], other["x"] + other["width"]) - max(
            one["x"], other["x"]
        )
        down = min(one["y"] + one["height"], other["y"] + other["height"]) - max(
            one["y"], other["y"]
        )
        assert min(across, down) <= 2  # a frame of a line has some room of its own
    colors = [title.get_attribute("fill") for title in titles.all()]
    assert colors == ["rgb({} {} {})".format(*color) for color in instance_colors(three)]
    cards = page.locator("#objects .object")
    assert cards.locator("h2").all_text_contents() == ["coffee 3", "coffee 4", "coffee 11"]
    expect(cards.nth(2)).to_contain_text("predicted")
    cards.nth(1).get_by_role("button", name="rim_right").hover()
    labels = drawn.locator('[data-name="rim_right"] .point-label')
    assert [label.is_visible() for label in labels.all()] == [False, True, False]


def test_scores_of_objects_and_keypoints_are_on_one_scale_that_is_explained(
    three: list[ObjectKeypoints], visit: Callable[..., Person], running: Running
) -> None:
    running.server.register(running.coffee)
    trust = replace(running.server.trust, point_threshold=0.4)
    running.server.tracking = replace(running.server.tracking, trust=trust)
    page = visit().page
    card = page.get_by_role("region", name="coffee 3")
    tag = card.locator(".tag")
    expect(tag).to_have_text("object 0.40")
    expect(tag).to_have_attribute("title", re.compile("Found from 0.35, lost below 0.25"))
    # Both are a little above their threshold: amber, on the way to teal.
    point = page.evaluate("import('./js/scores.js').then((m) => m.keypointScoreColor(0.45))")
    entire = page.evaluate("import('./js/scores.js').then((m) => m.objectScoreColor(0.40))")
    assert np.abs(np.subtract(*(channels(color) for color in (point, entire)))).max() < 4
    assert channels(entire)[0] > 200  # not green yet
    expect(page.locator("#legend")).to_contain_text("below 0.4: not trusted")
    page.get_by_role("button", name="What the scores mean").click()
    dialog = page.locator("dialog")
    for words in ("probability that the point is right", "object is in the image", "From 0.4 it"):
        expect(dialog).to_contain_text(words)


def channels(color: str) -> list[int]:
    """The numbers of `rgb(1 2 3)`."""
    return [int(channel) for channel in color.strip("rgb()").split()]


def test_why_a_keypoint_is_there_is_told_on_demand(person: Person, running: Running) -> None:
    page = person.page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    person.teach_coffee()
    running.published("cup", 1, frames=1)
    assert not any(url.endswith("/api/inspect") for url in asked)
    page.get_by_role("button", name="handle_end").click()
    why = page.locator("#why")
    expect(why).to_contain_text("Why is handle_end there?")
    expect(why.locator(".map")).to_have_count(3)
    for image in why.locator(".map img").all():
        expect(image).to_have_js_property("complete", True)
        assert image.evaluate("image => image.naturalWidth") > 0
    why.get_by_role("button", name="Close").click()
    expect(why).to_be_hidden()


def test_two_viewers_see_the_same_and_a_slow_one_holds_up_nobody(
    visit: Callable[..., Person], running: Running
) -> None:
    quick = visit()
    quick.teach_coffee()
    slow = visit("library")
    slow.page.add_init_script(SLOW)
    slow.page.reload()
    slow.go("live")
    slow.wait_for_frames()
    running.published("cup", 1, frames=1)
    stamps = [stamp for stamp, _ in running.published("cup", 1, frames=8)]
    assert len(stamps) == 8
    quick_frames, slow_frames = _count_frames(quick.page), _count_frames(slow.page)
    running.published("cup", 1, frames=20)
    assert quick_frames() >= 10
    assert 0 < slow_frames() <= quick_frames() / 2
    for person in (quick, slow):
        expect(person.page.locator('#live-stage [data-category="cup"]')).to_have_count(1)


def test_the_page_comes_back_when_the_node_does(person: Person, running: Running) -> None:
    page = person.page
    person.wait_for_frames()
    running.restart_studio()
    expect(page.locator("#link")).to_have_text("connecting")
    person.wait_for_frames()
    # A broken connection is what the browser itself complains about.
    assert all("WebSocket" in words or "Failed to load" in words for words in person.complaints)
    person.complaints.clear()


def test_a_hidden_view_costs_nothing(person: Person, running: Running) -> None:
    person.wait_for_frames()
    person.go("library")
    expect(person.page.locator("#link")).to_be_hidden()

    def viewers() -> list[int]:
        cameras = person.page.request.get(f"{running.address}api/cameras").json()
        return [camera["viewers"] for camera in cameras]

    wait_for(lambda: viewers() == [0])  # the server hears a moment later


def _count_frames(page: Page) -> Callable[[], int]:
    """Counts the frames that are drawn from now on."""
    page.evaluate(
        """() => {
          window.drawn = 0;
          const draw = CanvasRenderingContext2D.prototype.drawImage;
          CanvasRenderingContext2D.prototype.drawImage = function (...given) {
            window.drawn += 1;
            return draw.apply(this, given);
          };
        }"""
    )
    return lambda: int(page.evaluate("window.drawn"))
