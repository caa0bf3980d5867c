"""The live view in space: axes and points over the image, distances, and depth in colours."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from playwright.sync_api import expect
from steered import wait_for

from cape_ros.perception.space import SpaceInputs

from .coffee_space import FRAMES, DepthCamera, with_shape
from .person import PHONE, Person
from .running import CAMERA, Running

MIDDLES = """all => all.map((one) => {
  const { left, top, width, height } = one.getBoundingClientRect();
  return [left + width / 2, top + height / 2];
})"""
CORNER = """canvas => [...canvas.getContext("2d").getImageData(4, canvas.height - 4, 1, 1).data]"""
MIDDLE = """canvas => [...canvas.getContext("2d")
  .getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data]"""


@pytest.fixture
def depth_camera(running: Running) -> DepthCamera:
    """Beside the camera, before which the coffee is; its category has a shape and frames."""
    coffee = with_shape(running.coffee, **FRAMES)
    running.server.register(coffee)
    running.depth_camera = DepthCamera(running, coffee)
    return running.depth_camera


@pytest.mark.parametrize("screen", [{}, PHONE])
def test_axes_points_and_distances(
    depth_camera: DepthCamera, visit: Callable[..., Person], screen: dict[str, object]
) -> None:
    page = visit(**screen).page
    stage = page.locator("#live-stage")
    expect(stage.locator(".axis[data-frame=grasp]")).to_have_count(3)
    expect(stage.locator(".axis[data-object=coffee]")).to_have_count(3)
    expect(stage.locator(".place")).to_have_count(8)

    def places_lie_on_points() -> bool:
        places = stage.locator(".place.measured").evaluate_all(MIDDLES)
        points = stage.locator(".point circle:nth-of-type(3)").evaluate_all(MIDDLES)
        assert len(places) >= 5
        nearest = np.linalg.norm(np.array(places)[:, None] - np.array(points), axis=-1).min(axis=1)
        return bool(np.median(nearest) < 6)  # pixels of the page

    wait_for(places_lie_on_points)  # a phone's page moves while it is laid out
    card = page.locator("#objects .object")
    expect(card.locator(".score").first.locator(".distance")).to_have_text(
        re.compile(r"^0\.\d{3} m$")
    )
    for name in ("pose", "grasp", "spoon"):
        row = card.locator(".frame-distances li", has_text=name)
        expect(row).to_contain_text(re.compile(r"0\.\d{3} m"))
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    page.get_by_label("3-D").uncheck()
    expect(stage.locator(".axis")).to_have_count(0)
    expect(card.locator(".frame-distances")).to_be_hidden()


def test_depth_in_colours_with_a_legend(depth_camera: DepthCamera, person: Person) -> None:
    page = person.page
    canvas = page.locator("#live-stage canvas")
    page.get_by_label("Depth").check()
    legend = page.locator(".depth-legend")
    expect(legend).to_contain_text(re.compile(r"0\.\d m.*0\.\d m"))
    wait_for(lambda: max(canvas.evaluate(CORNER)[:3]) < 30)  # a hole, with the next image
    assert np.ptp(canvas.evaluate(MIDDLE)[:3]) > 60
    page.get_by_label("Depth").uncheck()
    expect(legend).to_be_hidden()


def test_what_is_missing_is_said(depth_camera: DepthCamera, person: Person) -> None:
    page = person.page
    page.get_by_label("Depth").check()
    expect(page.locator(".depth-legend .ramp")).to_be_visible()
    depth_camera.has_depth = False
    expect(page.get_by_text("no depth image of this moment")).to_be_visible()
    expect(page.locator(".depth-legend .ramp")).to_be_hidden()


def test_a_camera_without_depth_and_an_object_without_a_shape(
    depth_camera: DepthCamera, person: Person, running: Running
) -> None:
    page = person.page
    expect(page.locator(".axis[data-frame=grasp]")).to_have_count(3)
    running.server.define_frames("coffee", ())
    running.server.remove("coffee")
    running.server.register(replace(running.coffee, name="tea"))
    rows = page.locator("#objects .frame-distances li")
    expect(rows.filter(has_text="pose")).to_contain_text("the category has no shape")
    depth_camera.inputs = SpaceInputs()
    expect(page.get_by_label("3-D")).to_be_hidden()
    expect(page.get_by_label("Depth")).to_be_hidden()


def test_nothing_is_computed_that_nobody_sees(
    depth_camera: DepthCamera, person: Person, running: Running
) -> None:
    page = person.page
    studio = running.studio
    assert studio is not None
    expect(page.locator(".axis[data-frame=grasp]")).to_have_count(3)
    assert studio.wants_space(CAMERA)
    page.get_by_label("3-D").uncheck()
    wait_for(lambda: not studio.wants_space(CAMERA))
    computed = depth_camera.computed
    running.published("coffee", 1, frames=3)
    assert depth_camera.computed <= computed + 1
    page.get_by_label("3-D").check()
    wait_for(lambda: studio.wants_space(CAMERA))
    person.go("library")
    wait_for(lambda: not studio.wants_space(CAMERA))
