from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from primitives import CHAIR, CUBE, body_of

from cape_ros.lab.datasets.rendered.cameras import Camera, Pose, looking_from, side
from cape_ros.lab.datasets.rendered.orbits import render_orbit
from cape_ros.lab.datasets.rendered.scenes import render_scene
from cape_ros.lab.datasets.rendered.tracing import Body, Placed
from cape_ros.lab.datasets.rendered.views import render_view, take_picture, truth_of

CAMERA = Camera.of_view((120, 160), 50)
FRONT = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [1, 0.9, 0.9]], float)


@pytest.fixture
def cube(tmp_path: Path) -> Body:
    return body_of(tmp_path / "cube.obj", CUBE)


@pytest.fixture
def chair(tmp_path: Path) -> Body:
    return body_of(tmp_path / "chair.obj", CHAIR)


def ahead(body: Body, distance: float = 6, right: float = 0) -> Placed:
    """Seen from the front."""
    return Placed(body, Pose(looking_from(side(0, 0)), np.array([right, 0, distance])))


def test_a_point_is_visible_if_nothing_lies_before_it(cube: Body) -> None:
    here = ahead(cube)
    truth = truth_of(CAMERA, [here], 0, FRONT)
    assert truth.visible.tolist() == [True, False, False, True]  # back and left side are not
    assert truth.keypoints[0] == pytest.approx(CAMERA.centre, abs=1e-3)
    assert truth.shown == 1
    covered = truth_of(CAMERA, [here, ahead(cube, 3)], 0, FRONT)
    assert not covered.visible[0]
    assert covered.shown < 0.2


def test_the_object_s_left_is_on_the_viewer_s_right(cube: Body) -> None:
    """Who looks at the front of an object has its left on the right."""
    truth = truth_of(CAMERA, [ahead(cube)], 0, np.array([[1, 0.5, 0]], float))
    assert truth.keypoints[0, 0] > CAMERA.centre[0]


def test_box_and_depth_are_those_of_the_surface(cube: Body) -> None:
    picture = take_picture(
        CAMERA,
        [ahead(cube)],
        [(0, FRONT)],
        np.zeros((120, 160, 3), np.uint8),
        np.random.default_rng(1),
    )
    (truth,) = picture.instances
    half = CAMERA.focal / 5  # the front lies 5 m away, and reaches 1 m to each side
    x, y, width, height = truth.box
    assert (x, y) == pytest.approx((79.5 - half, 59.5 - half), abs=1)
    assert (width, height) == pytest.approx((2 * half, 2 * half), abs=1.5)
    assert picture.depth[60, 80] == pytest.approx(5000, abs=5)
    assert picture.depth[5, 5] == 0


def test_a_point_off_the_image_or_behind_the_camera_is_not_visible(cube: Body) -> None:
    beside = truth_of(CAMERA, [ahead(cube, right=9)], 0, FRONT)
    behind = truth_of(CAMERA, [ahead(cube, distance=-6)], 0, FRONT)
    assert not beside.visible.any()
    assert not behind.visible.any()
    assert behind.box == (0, 0, 0, 0)


def test_a_view_s_keypoints_are_those_of_its_pose(chair: Body) -> None:
    points = np.array([[0.2, 0.1, 0.1], [np.nan] * 3])
    picture = render_view(chair, points, 40, 20, np.random.default_rng(3), [], [chair])
    (truth,) = picture.instances
    moved = truth.pose.apply(points[0])
    assert truth.keypoints[0] == pytest.approx(picture.camera.project(moved), abs=1e-3)
    assert np.isnan(truth.keypoints[1]).all()
    assert not truth.visible[1]
    assert truth.pose.from_side == pytest.approx(side(40, 20), abs=0.35)  # it may lie off the axis


@pytest.mark.slow
@pytest.mark.parametrize("band", [(0, 20), (45, 75)])
def test_instances_of_a_scene_are_seen_from_the_angles_of_the_band(
    chair: Body, cube: Body, band: tuple[int, int]
) -> None:
    registered = side(20, 25)
    instances, kinds = 0, set()
    for seed in range(8):
        generator = np.random.default_rng(seed)
        scene = render_scene(chair, FRONT / 3, registered, band, generator, [], [cube])
        assert all(band[0] - 0.1 <= angle <= band[1] + 0.1 for angle in scene.angles)
        assert all(one.shown > 0.3 for one in scene.picture.instances)
        kinds.add(scene.table)
        instances += len(scene.angles)
    assert instances >= 8
    assert kinds == {True, False}


@pytest.mark.slow
def test_an_orbit_goes_from_the_registered_view_to_90_degrees(chair: Body, cube: Body) -> None:
    frames = render_orbit(chair, FRONT / 3, (30, 20), 5, np.random.default_rng(1), [], [cube])
    angles = [one.angle for one in frames]
    assert angles[0] == 0
    assert angles == sorted(angles)
    assert 75 < angles[-1] <= 91
