"""Takes the pictures of docs/how-to/studio.md.

`cd tests/studio && python -m browser.pictures FOLDER`
"""

from __future__ import annotations

import io
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, expect, sync_playwright

from cape_ros.perception.estimator import Estimator
from cape_ros.server.server import RegisterMode

from .chromium import find, launch
from .coffee_space import FRAMES, DepthCamera, with_shape
from .person import Person
from .running import Running

WIDE = {"width": 1180, "height": 740}
PHONE = {"width": 360, "height": 740}
QUALITY = 85  # of a JPEG
SETTLED = 400  # milliseconds
HISTORY = 65.0  # [s] of scores
STEP_TIMEOUT = 60_000  # milliseconds


def main(folder: Path) -> None:
    expect.set_options(timeout=STEP_TIMEOUT)
    with (
        sync_playwright() as playwright,
        tempfile.TemporaryDirectory() as library,
        Running(Estimator.load(device="cpu"), Path(library)) as running,
    ):
        browser = launch(playwright, find() or "chromium")
        pictures = Pictures(browser, running, folder)
        pictures.teaching()
        pictures.live()
        pictures.library()
        pictures.trying_out()
        pictures.in_space()
        browser.close()


class Pictures:
    def __init__(self, browser: Browser, running: Running, folder: Path) -> None:
        self._browser = browser
        self._running = running
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def teaching(self) -> None:
        """In mid-teaching on a wide dark screen and on a phone; registers the cup at the end."""
        for name, screen, scheme in (("phone", PHONE, "light"), ("teach", WIDE, "dark")):
            person = self._person(screen, scheme)
            person.wait_for_frames()
            stamp = person.freezing(lambda person=person: person.press("Teach from this frame"))
            points = self._running.visible(stamp)
            person.draw_box(points)
            for x, y in points[:6].tolist():
                person.click_at(x, y)
            person.name_object("cup")
            person.name_keypoints(self._running.coffee.keypoint_names[:6])
            self._connect(person, points, ((0, 1), (0, 2), (3, 4), (4, 5)))
            person.page.evaluate("scrollTo(0, 0)")
            person.page.mouse.move(*person.on_page(*points[6].tolist()))
            self._save(person, name)
            person.page.context.close()
        self._running.server.register(self._running.coffee)

    def live(self) -> None:
        person = self._person(WIDE, "dark")
        person.wait_for_frames()
        self._running.published("coffee", 1)
        time.sleep(HISTORY)
        person.page.get_by_label("All names").check()
        self._save(person, "live")
        person.page.get_by_role("button", name="handle_end").click()
        expect(person.page.locator("#why .map")).to_have_count(3)
        self._save(person, "why")
        person.freezing(lambda: person.press("Add a shot of coffee"))
        if person.page.get_by_role("button", name="All are right").count():
            person.press("All are right")
        person.register()
        person.page.context.close()

    def library(self) -> None:
        person = self._person(WIDE, "light")
        person.go("library")
        person.press("Show coffee")
        self._save(person, "library")
        person.page.context.close()

    def trying_out(self) -> None:
        person = self._person(WIDE, "light")
        person.go("try")
        person.press("Freeze the camera")
        person.page.get_by_label("Compare all shots with").select_option("shot 1 alone")
        expect(person.page.locator("#try-other-stage .point")).to_have_count(8)
        self._save(person, "try_out")
        person.page.context.close()

    def in_space(self) -> None:
        coffee = with_shape(self._running.coffee, **FRAMES)
        self._running.server.register(coffee, RegisterMode.REPLACE)
        self._running.depth_camera = DepthCamera(self._running, coffee)
        person = self._person(WIDE, "dark")
        person.wait_for_frames()
        expect(person.page.locator(".axis[data-frame=spoon]")).to_have_count(3)
        self._save(person, "space")
        person.go("library")
        person.press("Show coffee")
        view = person.page.locator(".shape-view")
        for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
            view.press(key)
        person.page.locator("#library-title").click()
        self._save(person, "shape")
        person.page.context.close()

    def _connect(
        self, person: Person, points: np.ndarray, edges: tuple[tuple[int, int], ...]
    ) -> None:
        for edge in edges:
            person.click('[data-tool="connect"]')
            for end in edge:
                person.click_at(*points[end].tolist())
            person.click('[data-tool="point"]')

    def _person(self, screen: dict[str, int], scheme: str) -> Person:
        context = self._browser.new_context(viewport=screen, color_scheme=scheme)
        person = Person(context.new_page(), self._running)
        person.open("live")
        return person

    def _save(self, person: Person, name: str) -> None:
        path = self._folder / f"studio_{name}.jpg"
        person.page.wait_for_timeout(SETTLED)
        with Image.open(io.BytesIO(person.page.screenshot())) as picture:
            # Without subsampling of colours: letters stay sharp.
            picture.convert("RGB").save(path, quality=QUALITY, subsampling=0, optimize=True)
        print(f"{path}: {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
