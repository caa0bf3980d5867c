"""Shapes from images alone, up to their scale."""

from __future__ import annotations

import numpy as np
import pytest
from rig.depth_camera import box_keypoints
from scipy.spatial.transform import Rotation

from cape_ros.perception.spatial import Shape, rigid, shape_from_motion

BOX = box_keypoints()
FOCAL = 600


def shots(
    generator: np.random.Generator, angles: list[float], noise: float = 1.0
) -> list[np.ndarray]:
    """Rays of the box from above, turned by angles [rad], with so many pixels of error."""
    made = []
    for angle in angles:
        tilt = rigid.rotation_of(np.array([-0.9, 0.0, 0.0]))
        rotation = tilt @ rigid.rotation_of(np.array([0.0, 0.0, angle]))
        points = BOX @ rotation.T + np.array([0, 0, 0.5])
        error = generator.normal(size=(14, 2)) * noise / FOCAL
        made.append(points[:, :2] / points[:, 2:] + error)
    return made


def error_of(shape: Shape) -> float:
    """Median distance from the truth in metres, once scaled and laid onto it."""
    known = shape.known
    ours, true = shape.points[known], BOX[known] - BOX[known].mean(axis=0)
    ours = ours - ours.mean(axis=0)
    turned = Rotation.align_vectors(true, ours)[0].apply(ours)
    scale = (turned * true).sum() / (turned**2).sum()
    return float(np.median(np.linalg.norm(scale * turned - true, axis=1)))


@pytest.mark.parametrize(("angles", "most"), [([-0.5, 0.5], 0.004), ([-0.5, 0.0, 0.5], 0.002)])
def test_shots_from_several_sides(angles: list[float], most: float) -> None:
    errors = []
    for seed in range(8):
        shape = shape_from_motion(shots(np.random.default_rng(seed), angles))
        assert shape is not None
        assert not shape.metric
        errors.append(error_of(shape))
    assert np.median(errors) < most


def test_of_many_shots_some_of_all_sides_are_used() -> None:
    angles = np.linspace(-1.5, 1.5, 60).tolist()
    shape = shape_from_motion(shots(np.random.default_rng(4), angles, 2.0))
    assert shape is not None
    assert error_of(shape) < 0.002


def test_keypoints_that_only_some_shots_show() -> None:
    rays = shots(np.random.default_rng(1), [-0.5, 0.0, 0.5])
    rays[0][[3, 8]] = np.nan
    rays[2][[4, 5]] = np.nan
    rays[1][13], rays[2][13] = np.nan, np.nan
    shape = shape_from_motion(rays)
    assert shape is not None
    assert not shape.known[13]
    assert error_of(shape) < 0.004


@pytest.mark.parametrize("angles", [[0.0], [0.0, 0.0], [0.0, 0.03, 0.05]])
def test_shots_from_one_side_are_no_shape(angles: list[float]) -> None:
    assert shape_from_motion(shots(np.random.default_rng(2), angles, 0.5)) is None


def test_too_few_shared_keypoints_are_no_shape() -> None:
    rays = shots(np.random.default_rng(3), [-0.5, 0.5])
    rays[0][:9] = np.nan
    assert shape_from_motion(rays) is None
