"""Try-out: images and videos that are dropped, and one shot against all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import expect

from .person import Person
from .running import STILL, Running
from .test_library import drop


@pytest.fixture
def rate() -> float:
    return STILL


@pytest.fixture
def tester(person: Person, running: Running) -> Person:
    """A person with a coffee of two shots."""
    shot = running.coffee.shots[0]
    running.server.register(replace(running.coffee, shots=(shot, shot)))
    person.go("try")
    expect(person.page.get_by_label("Category", exact=True)).to_have_value("coffee")
    return person


def test_an_image_is_tried_out_and_one_shot_compared_with_all(
    tester: Person, running: Running
) -> None:
    page = tester.page
    image = cv2.cvtColor(running.coffee.shots[0].image, cv2.COLOR_RGB2BGR)
    drop(tester, "cup.jpg", "image/jpeg", cv2.imencode(".jpg", image)[1].tobytes())
    expect(page.locator("#try-stage .point")).to_have_count(8)
    expect(page.locator(".results-table tbody tr")).to_have_count(8)
    page.get_by_label("Compare all shots with").select_option("shot 1 alone")
    expect(page.locator("#try-other-stage .point")).to_have_count(8)
    apart = page.locator(".results-table tbody td:last-child").all_inner_texts()
    # Both shots are the same, so the answers are, but that a box given back loses a pixel.
    assert [float(text.removesuffix(" px")) for text in apart] == pytest.approx([0] * 8, abs=2)


def test_a_box_says_where_to_look(tester: Person, running: Running) -> None:
    page = tester.page
    image = cv2.cvtColor(running.coffee.shots[0].image, cv2.COLOR_RGB2BGR)
    drop(tester, "cup.png", "image/png", cv2.imencode(".png", image)[1].tobytes())
    expect(page.locator("#try-stage .point")).to_have_count(8)
    with page.expect_request(lambda request: request.url.endswith("/api/estimate")) as asked:
        tester.drag((140, 40), (450, 350), "#try-stage")
    box = asked.value.post_data_json["box"]
    assert [box[side] for side in ("x", "y", "width", "height")] == pytest.approx(
        [140.5, 40.5, 310, 310], abs=1.5
    )
    expect(page.get_by_role("button", name="Search again")).to_be_visible()


def test_a_video_is_leafed_through(tester: Person, running: Running, tmp_path: Path) -> None:
    page = tester.page
    path = tmp_path / "film.avi"
    image = cv2.cvtColor(running.coffee.shots[0].image, cv2.COLOR_RGB2BGR)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 8.0, (600, 400))
    for shift in (0, 8, 16):
        writer.write(np.roll(image, shift, axis=1))
    writer.release()
    drop(tester, "film.avi", "video/x-msvideo", path.read_bytes())
    expect(page.locator("#leaf")).to_contain_text("1 / 3")
    expect(page.locator("#try-stage .point")).to_have_count(8)
    before = _first_point(tester)
    page.locator("#try-stage").hover()
    tester.keys("ArrowRight", "ArrowRight")
    expect(page.locator("#leaf")).to_contain_text("3 / 3")
    expect(page.locator('#try-stage [data-name="rim_left"]')).not_to_have_attribute(
        "transform", before
    )
    tester.press("Play")
    expect(page.locator("#leaf")).to_contain_text("1 / 3")
    expect(page.locator("#leaf")).to_contain_text("3 / 3")


def _first_point(person: Person) -> str:
    return person.page.locator('#try-stage [data-name="rim_left"]').get_attribute("transform") or ""


def test_a_box_is_of_one_image_only(tester: Person, running: Running) -> None:
    page = tester.page
    image = cv2.cvtColor(running.coffee.shots[0].image, cv2.COLOR_RGB2BGR)
    content = cv2.imencode(".jpg", image)[1].tobytes()
    drop(tester, "cup.jpg", "image/jpeg", content)
    expect(page.locator("#try-stage")).to_have_class("stage filled")
    tester.drag((100, 100), (300, 300), stage="#try-stage")
    expect(page.locator(".where")).to_contain_text("in the box that you drew")
    drop(tester, "other.jpg", "image/jpeg", content)
    expect(page.locator(".where")).to_contain_text("Searches the whole image")
