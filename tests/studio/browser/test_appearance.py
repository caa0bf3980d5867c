"""What every person can count on: narrow screens, dark and light, fingers, screen readers, size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

import cape_ros.studio

from .coffee_space import FRAMES, DepthCamera, with_shape
from .person import PHONE, Person
from .running import Running

VIEWS = ("live", "teach", "library", "try")
MOST_BYTES = 300_000
PAGE = Path(cape_ros.studio.__file__).with_name("page")


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_every_view_is_accessible(
    visit: Callable[..., Person], running: Running, scheme: str
) -> None:
    person = visit(color_scheme=scheme, bypass_csp=True)
    person.teach_coffee()
    running.published("cup", 1, frames=1)
    found = {}
    for view in VIEWS:
        person.go(view)
        if view == "library":
            person.press("Show cup")
        found[view] = _serious(person)
    person.go("teach")
    person.freezing(lambda: person.click("#freeze"))
    person.click_at(100, 100)
    found["marking"] = _serious(person)
    assert found == {view: [] for view in found}


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_views_in_space_are_accessible(
    visit: Callable[..., Person], running: Running, scheme: str
) -> None:
    coffee = with_shape(running.coffee, **FRAMES)
    running.server.register(coffee)
    running.depth_camera = DepthCamera(running, coffee)
    person = visit(color_scheme=scheme, bypass_csp=True)
    expect(person.page.locator(".axis[data-frame=grasp]")).to_have_count(3)
    found = {"live": _serious(person)}
    person.page.get_by_label("Depth").check()
    expect(person.page.locator(".depth-legend .ramp")).to_be_visible()
    found["depth"] = _serious(person)
    person.go("library")
    person.press("Show coffee")
    expect(person.page.locator(".shape-view .space-point")).to_have_count(8)
    found["shape"] = _serious(person)
    person.press("Add a frame")
    person.press("Save the frame")
    expect(person.page.get_by_role("form")).to_contain_text("give it a name")
    found["form"] = _serious(person)
    assert found == {view: [] for view in found}


def test_dark_and_light_follow_the_system(visit: Callable[..., Person]) -> None:
    shade = {}
    for scheme in ("dark", "light"):
        body = visit(color_scheme=scheme).page.locator("body")
        color = body.evaluate("body => getComputedStyle(body).backgroundColor")
        shade[scheme] = sum(int(part) for part in color.strip("rgb()").split(",")) / 3
    assert shade["dark"] < 60
    assert shade["light"] > 200


def test_a_narrow_screen_shows_everything_without_scrolling_sideways(
    visit: Callable[..., Person], running: Running
) -> None:
    running.server.register(running.coffee)
    person = visit(**PHONE)
    page = person.page
    person.wait_for_frames()
    for view in VIEWS:
        person.go(view)
        page.wait_for_timeout(100)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, view
    person.go("teach")
    person.freezing(lambda: person.click("#freeze"))
    person.click_at(100, 100)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_an_object_is_taught_with_a_finger(visit: Callable[..., Person], running: Running) -> None:
    person = visit(**PHONE)
    page = person.page
    person.wait_for_frames()
    person.freezing(lambda: page.tap("#teach-frame"))
    page.tap('[data-tool="point"]')
    for x, y in ((100, 100), (500, 300)):
        page.touchscreen.tap(*person.on_page(x, y))
    # A finger that lands beside the place slides on to it below the loupe.
    touch = Touch(person)
    touch.begin((200, 400))
    for place in ((210, 405), (230, 410), (250, 420)):
        touch.move(place)
    expect(page.locator(".loupe")).to_be_visible()
    page.wait_for_timeout(300)  # it rests: the next tap would only end a fling
    touch.move((250, 420))
    touch.end()
    expect(page.locator(".loupe")).to_be_hidden()
    page.tap("#object-name")
    page.keyboard.type("tapped")
    page.tap("#register")
    expect(page.locator("#view-live")).to_be_visible()
    tapped = running.server.categories["tapped"].shots[0].keypoints
    np.testing.assert_allclose(tapped, [(100, 100), (500, 300), (250, 420)], atol=2)


def test_two_fingers_zoom(visit: Callable[..., Person]) -> None:
    person = visit(**PHONE)
    page = person.page
    person.wait_for_frames()
    person.freezing(lambda: page.tap("#teach-frame"))
    page.tap('[data-tool="point"]')
    touch = Touch(person)
    touch.begin((300, 240), (340, 240))
    touch.move((200, 240), (440, 240))
    touch.end()
    seen = page.evaluate("document.querySelector('#teach-stage > svg').viewBox.baseVal.width")
    assert seen < 320
    expect(page.locator("#teach-stage .mark")).to_have_count(0)


def test_the_page_is_small_and_loads_nothing_from_elsewhere(
    visit: Callable[..., Person], running: Running
) -> None:
    person = visit("library")
    fetched: list[str] = []
    sizes: list[int] = []
    person.page.on("response", lambda response: fetched.append(response.url))
    person.page.on(
        "requestfinished", lambda request: sizes.append(request.sizes()["responseBodySize"])
    )
    person.page.reload()
    person.page.wait_for_load_state("networkidle")
    assert len(fetched) > 20
    assert all(url.startswith(running.address) for url in fetched)
    assert sum(sizes) <= MOST_BYTES
    assert sum(path.stat().st_size for path in PAGE.rglob("*") if path.is_file()) <= MOST_BYTES


class Touch:
    """Fingers on the teach view, by the places of the image where they are."""

    def __init__(self, person: Person) -> None:
        self._person = person
        self._session = person.page.context.new_cdp_session(person.page)

    def begin(self, *places: tuple[float, float]) -> None:
        self._person.page.locator("#teach-stage").scroll_into_view_if_needed()
        self._send("touchStart", places)

    def move(self, *places: tuple[float, float]) -> None:
        self._send("touchMove", places)

    def end(self) -> None:
        self._send("touchEnd", ())

    def _send(self, kind: str, places: tuple[tuple[float, float], ...]) -> None:
        seen = [self._person.on_page(x, y) for x, y in places]
        points = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(seen)]
        self._session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def _serious(person: Person) -> list[str]:
    violations = Axe().run(person.page).response["violations"]
    return [
        f"{each['id']}: {each['nodes'][0]['html'][:160]}"
        for each in violations
        if each["impact"] in ("serious", "critical")
    ]
