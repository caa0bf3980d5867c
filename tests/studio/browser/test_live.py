"""The live view: what is found, how sure it is and why; viewers that do not disturb each other."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from .person import Person
from .running import Running

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
    expect(page.locator('#objects [aria-label="cup"]')).to_be_visible()
    said = page.evaluate("window.said")
    assert not any("Nothing is looked for" in words for words in said)


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
    cameras = person.page.request.get(f"{running.address}api/cameras").json()
    assert json.dumps([camera["viewers"] for camera in cameras]) == "[0]"


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
