"""Lifted keypoints against exact truth: their error, their covariance and their state."""

from __future__ import annotations

import numpy as np
import pytest
from rig.depth_camera import FOCAL, View, camera, measure, view

from cape_ros.perception.spatial import (
    DepthImage,
    KeypointState,
    LiftedKeypoints,
    lift,
)
from cape_ros.perception.spatial.lifting import pixel_deviation

WALL = np.full((300, 400), 600, np.uint16)  # a wall at 0.6 m
APART = 0.025  # [m] that a surface is behind another one
NINETY = 6.251  # squared Mahalanobis distance in three dimensions


def test_a_keypoint_on_a_wall() -> None:
    found = lift(np.array([[260.0, 150.0]]), np.array([0.9]), 100, camera(), DepthImage.of(WALL))
    assert found.states == [KeypointState.MEASURED]
    np.testing.assert_allclose(found.points, [[0.06, 0, 0.6]], atol=1e-6)
    across = pixel_deviation(np.array([0.9]), 100) / FOCAL * 0.6
    np.testing.assert_allclose(np.sqrt(found.covariances[0, 1, 1]), across, rtol=0.1)


def test_states() -> None:
    depth = WALL.copy()
    depth[100:200, 100:160] = 0
    pixels = np.array([[300.0, 150], [130, 150], [300, 160], [np.nan, 3]])
    found = lift(pixels, np.array([0.9, 0.9, 0.1, 0.9]), 60, camera(), DepthImage.of(depth))
    assert found.states.tolist() == [
        KeypointState.MEASURED,
        KeypointState.NO_DEPTH,
        KeypointState.NOT_TRUSTED,
        KeypointState.NOT_TRUSTED,
    ]
    assert np.isfinite(found.points).all(axis=1).tolist() == [True, False, False, False]
    assert np.isfinite(found.rays).all(axis=1).tolist() == [True, True, False, False]


def test_without_a_depth_image_there_are_rays() -> None:
    found = lift(np.array([[260.0, 150.0]]), np.array([0.9]), 100, camera())
    assert found.states == [KeypointState.NO_DEPTH]
    np.testing.assert_allclose(found.rays, [[0.1, 0]])


def test_what_lies_far_behind_the_object_is_not_of_it() -> None:
    depth = WALL.copy()
    depth[:, 300:] = 4000
    pixels = np.array([[200.0, 150], [220, 150], [200, 170], [220, 170], [320, 150]])
    found = lift(pixels, np.full(5, 0.9), 100, camera(), DepthImage.of(depth))
    assert found.states.tolist() == [0, 0, 0, 0, KeypointState.NO_DEPTH]


@pytest.mark.parametrize(
    ("model", "d"),
    [
        ("plumb_bob", (-0.2, 0.05, 0.001, -0.002, 0.01)),
        ("rational_polynomial", (0.3, -0.1, 1e-4, 2e-4, 0.02, 0.5, -0.05, 0.01)),
        ("equidistant", (-0.03, 0.01, -0.002, 0.0005)),
    ],
)
def test_points_seen_through_a_lens_come_back(model: str, d: tuple[float, ...]) -> None:
    lens = camera(d, model)
    points = np.array([[-0.15, -0.1, 0.6], [0.16, 0.11, 0.6], [0.0, 0.0, 0.6]])
    found = lift(lens.project(points), np.full(3, 0.99), 80, lens, DepthImage.of(WALL))
    np.testing.assert_allclose(found.points, points, atol=5e-4)


@pytest.mark.parametrize("kind", ["box", "cup"])
def test_the_ninety_percent_ellipsoid_holds_so_many_truths(kind: str) -> None:
    generator = np.random.default_rng(7)
    inside, behind = [], []
    for score in (0.999, 0.95, 0.8):
        for _ in range(20):
            found, seen = _see(kind, generator, score)
            chosen = found.measured & seen.visible
            error = (found.points - seen.points)[chosen]
            weights = np.linalg.inv(found.covariances[chosen])
            inside += ((error[:, None] @ weights @ error[..., None])[:, 0, 0] < NINETY).tolist()
            x, y = np.rint(camera().project(found.points[chosen])).astype(int).T
            from_table = np.abs(found.points[chosen, 2] - seen.table[y, x])
            behind += ((error[:, 2] > APART) & (from_table < error[:, 2])).tolist()
    assert 0.85 <= np.mean(inside) <= 0.95
    assert np.mean(behind) <= 0.01


def _see(kind: str, generator: np.random.Generator, score: float) -> tuple[LiftedKeypoints, View]:
    """Keypoints with as much error as their score says."""
    seen = view(kind, generator)
    scores = np.full(len(seen.pixels), score)
    error = generator.normal(size=seen.pixels.shape)
    pixels = seen.pixels + error * pixel_deviation(scores, seen.size)[:, None]
    depth = DepthImage.of(measure(seen.depth, generator))
    return lift(pixels, scores, seen.size, camera(), depth), seen
