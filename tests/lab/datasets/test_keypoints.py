from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from primitives import CHAIR, CUBE, WEDGE, body_of, cylinder, entry_of

from cape_ros.lab.datasets.rendered.keypoints import SHARED, Keypoints, keypoints_of
from cape_ros.lab.datasets.rendered.meshes import load_mesh
from cape_ros.lab.datasets.rendered.tracing import Body


def keypoints(body: Body) -> Keypoints:
    return keypoints_of(body, np.random.default_rng(1))


@pytest.fixture
def chair(tmp_path: Path) -> Keypoints:
    return keypoints(body_of(tmp_path / "chair.obj", CHAIR))


def at(found: Keypoints, name: str) -> np.ndarray:
    return found.shared[SHARED.index(name)]


def test_extreme_points_are_the_parts_that_reach_furthest(chair: Keypoints) -> None:
    assert at(chair, "back left top") == pytest.approx([-0.5, 0.5, 0.6], abs=1e-5)
    assert at(chair, "front right bottom") == pytest.approx([0.5, -0.5, -0.6], abs=1e-5)
    assert at(chair, "front right top") == pytest.approx([0.5, -0.5, 0.0], abs=1e-5)  # the seat


def test_rays_find_the_seat_and_the_back(chair: Keypoints) -> None:
    assert at(chair, "from above") == pytest.approx([0, 0, 0], abs=1e-4)
    assert at(chair, "from the front, high") == pytest.approx([-0.4, 0, 0.36], abs=1e-4)


def test_left_and_right_of_a_chair_are_mirror_images(chair: Keypoints) -> None:
    mirrored = chair.all[list(chair.mirrored)]
    known = np.isfinite(chair.all).all(axis=1)
    assert chair.symmetry.mirror
    assert np.abs(mirrored - chair.all * (1, -1, 1))[known].max() < 0.1
    assert list(chair.mirrored) != list(range(len(chair.mirrored)))
    assert chair.rotated == ()


def test_a_wedge_has_no_symmetry(tmp_path: Path) -> None:
    found = keypoints(body_of(tmp_path / "wedge.obj", WEDGE))
    assert list(found.mirrored) == list(range(len(found.all)))
    assert found.rotated == ()


def test_a_cube_looks_the_same_from_four_sides(tmp_path: Path) -> None:
    found = keypoints(body_of(tmp_path / "cube.obj", CUBE))
    assert found.symmetry.rotations == (90, 180, 270)
    assert not found.symmetry.any_rotation


def test_what_is_round_keeps_no_point_beside_its_axis(tmp_path: Path) -> None:
    body = Body(load_mesh(entry_of(cylinder(tmp_path / "tube.obj"))))
    found = keypoints(body)
    assert found.symmetry.any_rotation
    away = np.linalg.norm(found.all[:, :2], axis=1)
    assert not (away > 0.1 * body.mesh.diagonal).any()
