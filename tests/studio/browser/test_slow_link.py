"""A slow link: what goes on is shown, and a late answer surprises nobody."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from playwright.sync_api import Locator, Page, Route, expect

from .person import Person
from .running import STILL, Running
from .test_library import drop


class Held:
    """Requests that wait until the test lets them go."""

    def __init__(self, page: Page, path: str) -> None:
        self._routes: list[Route] = []
        self._page = page
        self._path = f"**/api/{path}"
        page.route(self._path, self._keep)

    def _keep(self, route: Route) -> None:
        if route.request.method == "GET":
            route.continue_()
        else:
            self._routes.append(route)

    def release(self) -> None:
        for route in self._routes:
            route.continue_()
        self._page.unroute(self._path, self._keep)


@pytest.fixture
def rate() -> float:
    return STILL


@pytest.fixture
def marked(person: Person) -> Person:
    """A person who is ready to register."""
    person.wait_for_frames()
    person.freezing(lambda: person.press("Teach from this frame"))
    person.click_at(100, 100)
    person.name_object("dot")
    expect(person.page.locator("#check-title")).to_have_text("Ready to register")
    return person


def test_registering_shows_that_it_goes_on(marked: Person, running: Running) -> None:
    page = marked.page
    held = Held(page, "categories")
    marked.click("#register")
    button = page.locator("#register")
    expect(button).to_have_text("Registering …")
    expect(button).to_be_disabled()
    expect(button).to_have_attribute("aria-busy", "true")
    held.release()
    expect(page.locator("#view-live")).to_be_visible()
    assert "dot" in running.server.categories


def test_a_late_registration_does_not_call_away_from_another_view(
    marked: Person, running: Running
) -> None:
    page = marked.page
    held = Held(page, "categories")
    marked.click("#register")
    marked.go("library")
    held.release()
    expect(page.locator(".toast", has_text="Registered dot")).to_be_visible()
    expect(page.locator("#view-library")).to_be_visible()
    marked.press("Show live")
    expect(page.locator("#view-live")).to_be_visible()


def test_freezing_says_so_instead_of_showing_nothing(person: Person) -> None:
    page = person.page
    person.wait_for_frames()
    held = Held(page, "freeze")
    person.press("Teach from this frame")
    expect(page.locator("#teach-stage")).to_contain_text("Freezing the camera …")
    expect(page.get_by_role("button", name="+ Freeze the camera")).to_be_disabled()
    held.release()
    expect(page.locator("#teach-stage")).to_have_class("stage filled")
    expect(page.locator("#teach-stage")).not_to_contain_text("Freezing")


def test_an_upload_shows_how_large_it_is(person: Person) -> None:
    page = person.page
    held = Held(page, "images")
    drop(person, "noise.png", "image/png", noise())
    expect(page.locator(".toast")).to_contain_text("noise.png")
    expect(page.locator(".toast")).to_contain_text("kB")
    held.release()
    expect(page.locator("#teach-stage")).to_have_class("stage filled")
    expect(page.locator(".toast")).to_have_count(0)


def test_a_late_upload_does_not_replace_what_was_opened_since(
    person: Person, running: Running
) -> None:
    page = person.page
    running.server.register(running.coffee)
    person.wait_for_frames()
    person.go("try")
    held = Held(page, "images")
    drop(person, "noise.png", "image/png", noise())
    expect(page.get_by_role("button", name="Uploading …")).to_be_disabled()
    person.press("Freeze the camera")
    expect(page.locator("#try-stage")).to_have_class("stage filled")
    held.release()
    expect(page.get_by_role("button", name="Open image or video…")).to_be_enabled()
    assert page.evaluate("document.querySelector('#try-stage canvas').width") == 640


def test_messages_cover_no_button_and_go_when_their_cause_is_gone(
    marked: Person, running: Running
) -> None:
    page = marked.page
    page.route("**/api/freeze", lambda route: route.abort())
    marked.press("+ Freeze the camera")
    toast = page.locator(".toast.bad")
    expect(toast).to_contain_text("The camera cannot be frozen")
    for size in ({"width": 1280, "height": 800}, {"width": 390, "height": 800}):
        page.set_viewport_size(size)
        page.evaluate("scrollTo(0, 0)")
        assert not overlap(toast, page.locator("#register"))
    page.set_viewport_size({"width": 1280, "height": 800})
    page.unroute("**/api/freeze")
    marked.freezing(lambda: marked.press("+ Freeze the camera"))
    expect(toast).to_have_count(0)
    marked.complaints.clear()


def noise() -> bytes:
    """A PNG of about 200 kB."""
    image = np.random.default_rng(0).integers(0, 256, (240, 300, 3), np.uint8)
    return bytes(cv2.imencode(".png", image)[1].tobytes())


def overlap(one: Locator, other: Locator) -> bool:
    a, b = one.bounding_box(), other.bounding_box()
    assert a is not None
    assert b is not None
    across = a["x"] < b["x"] + b["width"] and b["x"] < a["x"] + a["width"]
    return across and a["y"] < b["y"] + b["height"] and b["y"] < a["y"] + a["height"]
