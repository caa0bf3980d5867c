"""A still box on a table, and a depth camera that goes around it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rig.depth_camera import View, box_keypoints, camera, measure, view

from cape_ros.perception.automatic_shots.projected_views import ProjectedView, ViewProjector
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.objects import ObjectKeypoints
from cape_ros.perception.space import Sight, SpaceEstimator
from cape_ros.perception.spatial import DepthImage, Pose, Shape

TRUE = box_keypoints()
NAMES = tuple(f"k{index}" for index in range(len(TRUE)))
SIZE = 400, 300
GREY = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)


def seen(seed: int) -> View:
    return view("box", np.random.default_rng(seed))


class Robot:
    """It registered the box from one side, and knows where its camera is."""

    def __init__(self) -> None:
        front = seen(3)
        shot = SupportShot(GREY, front.pixels, front.visible)
        shape = Shape.given(TRUE, len(TRUE))
        self.category = Category("box", NAMES, shots=[shot], shape=shape, version=1)
        self.projector = ViewProjector()
        self._space = SpaceEstimator()
        self._seconds = 0.0

    def look(
        self,
        there: View,
        *,
        drift: float = 0.0,
        place: View | None = None,
        measured: np.ndarray | None = None,
        **changed: object,
    ) -> ProjectedView | None:
        """drift: of what is found, in boxes. place: what the camera's place is right for. measured:
        [H, W] metres, that it measures."""
        self._seconds += 0.1
        place = place or there
        target = Pose(place.rotation, place.translation, np.zeros((6, 6))).inverse
        exact = there.depth if measured is None else measured
        image = DepthImage.of(measure(exact, np.random.default_rng(0)))
        at = Sight(camera(), self._seconds, image, target=target, target_frame="table")
        at = replace(at, **changed)
        scores = np.where(there.visible, 0.97, 0.05).astype(np.float32)
        pixels = (there.pixels + np.array((drift * there.size, 0.0))).astype(np.float32)
        found = ObjectKeypoints("box", 1, there.box, pixels, scores, scores, NAMES, track_id=4)
        (one,) = self._space.estimate([found], {"box": self.category}, at)
        return self.projector.see(one, self.category, at, SIZE)


@pytest.fixture
def robot() -> Robot:
    return Robot()


def test_a_still_object_is_where_it_was_however_far_what_is_found_has_drifted(
    robot: Robot,
) -> None:
    front = robot.look(seen(3))
    assert front is not None
    assert front.near  # it is what the shot shows
    for seed in (5, 6, 7, 8):
        there = seen(seed)
        projected = robot.look(there, drift=0.15)
        assert projected is not None
        assert not projected.near
        away = np.linalg.norm(projected.points - there.pixels, axis=1)
        assert away.max() < 0.05 * there.size
        assert (projected.visible & there.visible).sum() >= 0.8 * there.visible.sum()
        assert (projected.visible & ~there.visible).sum() <= 2  # at the edges


def test_what_something_else_covers_is_hidden(robot: Robot) -> None:
    robot.look(seen(3))
    there = seen(5)
    open_view = robot.look(there)
    assert open_view is not None
    covered = np.flatnonzero(open_view.visible)[0]
    x, y = there.pixels[covered].round().astype(int)
    depth = there.depth.copy()
    depth[max(y - 15, 0) : y + 15, max(x - 15, 0) : x + 15] = 0.3
    behind = robot.look(there, measured=depth)
    assert behind is not None
    assert not behind.visible[covered]
    holes = robot.look(there, measured=np.zeros_like(depth))
    assert holes is not None
    assert not holes.visible.any()


def test_nothing_is_known_of_a_moved_object_until_it_is_seen_as_registered(robot: Robot) -> None:
    robot.look(seen(3))
    assert robot.look(seen(5)) is not None
    assert robot.look(seen(6), place=seen(5)) is None
    assert robot.look(seen(5)) is None
    robot.look(seen(3))
    assert robot.look(seen(5)) is not None


def test_from_the_registered_side_a_smaller_motion_is_noticed(robot: Robot) -> None:
    robot.look(seen(3))
    assert robot.look(seen(5), drift=0.25) is not None
    assert robot.look(seen(3), drift=0.25) is None
    assert robot.look(seen(5)) is None


@pytest.mark.parametrize("missing", [{"target": None}, {"depth": None}])
def test_a_camera_needs_depth_and_its_place(robot: Robot, missing: dict[str, object]) -> None:
    robot.look(seen(3))
    assert robot.look(seen(5), **missing) is None


def test_a_changed_shape_or_frame_begins_anew_and_another_shot_does_not(robot: Robot) -> None:
    robot.look(seen(3))
    there = seen(5)
    shots = [*robot.category.shots, SupportShot(GREY, there.pixels, there.visible, automatic=True)]
    robot.category = replace(robot.category, shots=shots)
    assert robot.look(there) is not None
    assert robot.look(there, target_frame="base") is None
    robot.look(seen(3))
    robot.category = replace(robot.category, shape=Shape.given(1.01 * TRUE, len(TRUE)))
    assert robot.look(there) is None
