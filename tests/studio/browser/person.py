"""What a person does with the page, and how often they had to click for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from playwright.sync_api import ConsoleMessage, Page, expect

if TYPE_CHECKING:
    from .running import Running

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
MARGIN = 0.12  # of the hull of the keypoints, around the box that is drawn
ON_PAGE = """([stage, x, y]) => {
  const svg = document.querySelector(`${stage} > svg`);
  const { left, top, width, height } = svg.getBoundingClientRect();
  const seen = svg.viewBox.baseVal;
  return [left + ((x - seen.x) / seen.width) * width, top + ((y - seen.y) / seen.height) * height];
}"""


class Person:
    """clicks: presses of the mouse so far, a drag being one. complaints: errors of the page."""

    def __init__(self, page: Page, running: Running) -> None:
        self.page = page
        self.running = running
        self.clicks = 0
        self.complaints: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, view: str) -> None:
        self.page.goto(f"{self.running.address}#{view}")
        expect(self.page.locator(f"#view-{view}")).to_be_visible()

    def go(self, view: str) -> None:
        self.click(f'nav [data-view="{view}"]')
        expect(self.page.locator(f"#view-{view}")).to_be_visible()

    def wait_for_frames(self) -> None:
        expect(self.page.locator("#link")).to_have_text("live")

    def click(self, selector: str) -> None:
        self.page.click(selector)
        self.clicks += 1

    def press(self, name: str) -> None:
        """Click the button of this name."""
        self.page.get_by_role("button", name=name, exact=True).click()
        self.clicks += 1

    def keys(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def on_page(self, x: float, y: float, stage: str = "#teach-stage") -> tuple[float, float]:
        """Where an image point is seen, in pixels of the page."""
        left, top = self.page.evaluate(ON_PAGE, [stage, float(x), float(y)])
        return left, top

    def click_at(self, x: float, y: float) -> None:
        """Click an image point in the teach view."""
        self.page.mouse.click(*self.on_page(x, y))
        self.clicks += 1

    def drag(
        self, start: Sequence[float], end: Sequence[float], stage: str = "#teach-stage"
    ) -> None:
        self.page.mouse.move(*self.on_page(start[0], start[1], stage))
        self.page.mouse.down()
        # Past it and back: a few pixels alone are a click with an unsteady hand, not a drag.
        self.page.mouse.move(*self.on_page(end[0] + 12, end[1] + 12, stage), steps=4)
        self.page.mouse.move(*self.on_page(end[0], end[1], stage), steps=2)
        self.page.mouse.up()
        self.clicks += 1

    def freezing(self, action: Callable[[], None]) -> int:
        """Does what freezes a frame; the stamp of that frame, in nanoseconds."""
        with self.page.expect_response(lambda answer: answer.url.endswith("/api/freeze")) as answer:
            action()
        stamp = int(answer.value.json()["stamp_ns"])
        expect(self.page.locator("#teach-stage")).to_have_class("stage filled")
        return stamp

    def draw_box(self, points: np.ndarray) -> None:
        """Around these points [K, 2]."""
        low, high = points.min(axis=0), points.max(axis=0)
        margin = MARGIN * (high - low).max()
        self.drag(np.maximum(low - margin, 0), np.minimum(high + margin, (639, 479)))

    def name_keypoints(self, names: Sequence[str]) -> None:
        """One click into the first name; Enter goes on to the next one."""
        self.click(".keypoints input >> nth=0")
        for name in names:
            self.page.keyboard.type(name)
            self.page.keyboard.press("Enter")

    def name_object(self, name: str) -> None:
        self.click("#object-name")
        self.page.keyboard.type(name)

    def register(self) -> None:
        with self.page.expect_response(
            lambda answer: answer.url.endswith("/api/categories")
        ) as answer:
            self.click("#register")
        assert answer.value.ok, answer.value.text()
        expect(self.page.locator("#view-live")).to_be_visible()

    def teach_coffee(self, name: str = "cup") -> float:
        """From the live view to a registered category; the seconds that it took."""
        self.wait_for_frames()
        began = time.monotonic()
        stamp = self.freezing(lambda: self.press("Teach from this frame"))
        points = self.running.visible(stamp)
        self.draw_box(points)
        for x, y in points.tolist():
            self.click_at(x, y)
        self.name_object(name)
        self.name_keypoints(self.running.coffee.keypoint_names)
        self.register()
        return time.monotonic() - began

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)
