"""Views of a tracked object that become shots, with the shipped network."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from steered import SECONDS, wait_for
from turned import turned

from cape_ros.core.errors import InvalidInput, SourceError
from cape_ros.media.photographs import photographs
from cape_ros.perception.automatic_shots.projected_views import ProjectedView
from cape_ros.perception.category import Category
from cape_ros.perception.estimator import Estimator
from cape_ros.perception.library.library import CategoryLibrary
from cape_ros.server.automatic_shots import MOST_OFFERED
from cape_ros.server.server import Frame, Result, Server


class Camera:
    """A server with one registered photograph, and a camera that goes around it."""

    def __init__(self, root: Path, coffee: Category) -> None:
        self.coffee = coffee
        self.results: list[Result] = []
        library = CategoryLibrary(root)
        self.server = Server(Estimator.load(device="cpu"), library, on_result=self.results.append)
        self.server.register(coffee)

    def look(self, *degrees: float) -> None:
        for angle in degrees:
            self.server.submit(Frame("a", turned(self.coffee, angle)[0]))
            assert self.server.wait_until_idle(SECONDS)

    @property
    def category(self) -> Category:
        return self.server.find(self.coffee.name)


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[Camera]:
    try:
        coffee = photographs()[0]
    except SourceError:
        pytest.skip("needs scikit-image, which the photographs come with: pip install scikit-image")
    camera = Camera(tmp_path, coffee)
    yield camera
    camera.server.close()


def test_views_are_offered_and_registered_only_if_told_to(camera: Camera) -> None:
    camera.look(0, 25, 50)
    (offered,) = camera.server.suggested_shots("coffee")
    assert offered.automatic
    assert len(camera.category.shots) == 1
    with pytest.raises(InvalidInput, match="no automatic shots"):
        camera.server.remove_automatic_shots("coffee")
    with pytest.raises(InvalidInput, match="not registered"):
        camera.server.suggested_shots("mug")


def test_views_by_the_camera_s_motion_count_in_place_of_what_is_found(camera: Camera) -> None:
    camera.look(0)
    (found,) = camera.results[-1].objects
    image, points = turned(camera.coffee, 0)
    seen = np.ones(len(points), bool)
    camera.server.offer_views(Frame("a", image), [(found, ProjectedView(points, seen, near=True))])
    camera.look(25, 50)
    assert not camera.server.suggested_shots("coffee")
    image, points = turned(camera.coffee, 40)
    view = ProjectedView(points, np.arange(len(points)) != 2)
    camera.server.offer_views(Frame("a", image), [(found, view)])
    assert camera.server.wait_until_idle(SECONDS)
    (offered,) = camera.server.suggested_shots("coffee")
    assert (offered.visible == view.visible).all()
    there, here = points[view.visible], offered.keypoints[view.visible]
    zoom = np.ptp(here, axis=0) / np.ptp(there, axis=0)
    np.testing.assert_allclose(here - here[0], (there - there[0]) * zoom, atol=0.1)
    assert not camera.server.statistics.failures


def test_views_that_the_model_has_no_time_for_are_left_out(camera: Camera) -> None:
    camera.look(0)
    (found,) = camera.results[-1].objects
    frame, go_on = camera.results[-1].frame, threading.Event()
    views = [(found, ProjectedView(found.keypoints, found.scores > 0, near=True))]
    blocked = camera.server._model.submit(go_on.wait)
    for _ in range(50):
        camera.server.offer_views(frame, views)
    waiting = camera.server._model._jobs.qsize()
    go_on.set()
    assert waiting <= MOST_OFFERED + 1  # and the one that blocks, perhaps
    assert blocked.result()
    camera.server.close()
    camera.server.offer_views(frame, views)  # nothing is raised


@pytest.mark.slow
def test_a_view_becomes_a_shot_while_the_track_goes_on_and_can_be_removed(camera: Camera) -> None:
    camera.server.auto_shots = True
    camera.look(0, 25, 50)
    wait_for(lambda: len(camera.category.shots) == 2)
    camera.look(50)
    by_hand, taken = camera.category.shots
    assert (by_hand.automatic, taken.automatic) == (False, True)
    tracks = {found.track_id for result in camera.results for found in result.objects}
    assert len(tracks) == 1
    assert camera.results[-1].objects[0].category_version == camera.category.version == 2
    again = CategoryLibrary(camera.server._library.root).get("coffee")
    assert [shot.automatic for shot in again.shots] == [False, True]
    stored, removed = camera.server.remove_automatic_shots("coffee")
    assert (removed, len(stored.shots), stored.shots[0].automatic) == (1, 1, False)
