"""Poses against exact truth, with and without depth, and what has none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rig.depth_camera import View, box_keypoints, camera, cup_keypoints, measure, view

from cape_ros.perception.spatial import (
    DepthImage,
    LiftedKeypoints,
    Pose,
    PoseRefusal,
    Shape,
    estimate_pose,
    lift,
    rigid,
)
from cape_ros.perception.spatial.lifting import pixel_deviation
from cape_ros.perception.symmetries import orders

NINETY = 10.645  # squared Mahalanobis distance in six dimensions
SHAPES = {"box": box_keypoints(), "cup": cup_keypoints()}
BEFORE = np.array([0, 0, 0.6])  # the camera
FLAT = np.array([[-6, -4, 0], [6, -4, 0], [6, 4, 0], [-6, 4, 0], [1, 1, 0], [-3, 2, 0.0]]) / 100


def shape_of(points: np.ndarray) -> Shape:
    return Shape.given(points, len(points))


def look(seen: View, generator: np.random.Generator, wrong: int, depth: bool) -> LiftedKeypoints:
    """Hidden keypoints have low scores; `wrong` of the others lie anywhere on the object."""
    scores = np.where(seen.visible, 0.97, 0.1)
    deviation = pixel_deviation(np.full(len(scores), 0.97), seen.size)
    pixels = seen.pixels + generator.normal(size=seen.pixels.shape) * deviation[:, None]
    for at in generator.choice(np.flatnonzero(seen.visible), wrong, replace=False):
        pixels[at] = seen.pixels.mean(axis=0) + generator.uniform(-0.5, 0.5, 2) * seen.size
    image = DepthImage.of(measure(seen.depth, generator)) if depth else None
    return lift(pixels, scores, seen.size, camera(), image)


def rays_of(points: np.ndarray, size: float = 200) -> LiftedKeypoints:
    """Points [K, 3] before a camera without depth."""
    return lift(camera().project(points), np.full(len(points), 0.999), size, camera())


@pytest.mark.parametrize("wrong", [0, 2])
@pytest.mark.parametrize("kind", ["box", "cup"])
def test_poses_with_depth(kind: str, wrong: int) -> None:
    generator = np.random.default_rng(11)
    moved, turned, inside = [], [], []
    for _ in range(40):
        seen = view(kind, generator)
        found = look(seen, generator, wrong, depth=True)
        pose = estimate_pose(shape_of(SHAPES[kind]), found).pose
        assert pose is not None
        shift = seen.translation - pose.translation
        turn = rigid.vector_of(seen.rotation @ pose.rotation.T)
        error = np.concatenate((shift, turn))
        moved.append(np.linalg.norm(shift))
        turned.append(np.degrees(np.linalg.norm(turn)))
        inside.append(error @ np.linalg.solve(pose.covariance, error) < NINETY)
    assert np.median(moved) < 0.008
    assert np.median(turned) < 5
    assert np.mean(inside) >= 0.8


@pytest.mark.parametrize("wrong", [0, 2])
def test_poses_without_depth(wrong: int) -> None:
    generator = np.random.default_rng(12)
    moved, turned = [], []
    for _ in range(20):
        seen = view("box", generator)
        pose = estimate_pose(shape_of(SHAPES["box"]), look(seen, generator, wrong, False)).pose
        assert pose is not None
        moved.append(np.linalg.norm(pose.translation - seen.translation) / seen.translation[2])
        turned.append(np.degrees(rigid.angle_between(pose.rotation, seen.rotation)))
    assert np.median(moved) < 0.04
    assert np.median(turned) < 6


@given(seed=st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_without_noise_the_pose_is_exact(seed: int) -> None:
    generator = np.random.default_rng(seed)
    rotation = rigid.rotation_of(generator.uniform(-2, 2, 3))
    translation = np.append(generator.uniform(-0.1, 0.1, 2), generator.uniform(0.4, 1.5))
    points = SHAPES["box"] @ rotation.T + translation
    pose = estimate_pose(shape_of(SHAPES["box"]), rays_of(points)).pose
    assert pose is not None
    np.testing.assert_allclose(pose.translation, translation, atol=1e-4)
    assert rigid.angle_between(pose.rotation, rotation) < 1e-3


def test_three_keypoints_with_depth_and_others_without() -> None:
    seen = view("box", np.random.default_rng(3))
    depth = seen.depth.astype(np.float32)
    for x, y in np.rint(seen.pixels[np.flatnonzero(seen.visible)[3:]]).astype(int):
        depth[y - 25 : y + 25, x - 25 : x + 25] = 0
    scores = np.where(seen.visible, 0.999, 0.0)
    found = lift(seen.pixels, scores, seen.size, camera(), DepthImage.of(depth))
    estimate = estimate_pose(shape_of(SHAPES["box"]), found)
    assert found.measured.sum() < found.trusted.sum()
    assert estimate.pose is not None
    np.testing.assert_allclose(estimate.pose.translation, seen.translation, atol=0.01)


def test_a_wrong_keypoint_is_named() -> None:
    points = SHAPES["box"] + (0, 0, 0.7)
    pixels = camera().project(points)
    pixels[4] += 40
    found = lift(pixels, np.full(14, 0.999), 120, camera())
    assert np.flatnonzero(~estimate_pose(shape_of(SHAPES["box"]), found).inliers).tolist() == [4]


@pytest.mark.parametrize(
    ("points", "scores", "refusal"),
    [
        (np.outer(np.arange(5), (0.02, 0.01, 0)), np.full(5, 0.99), PoseRefusal.ON_A_LINE),
        (FLAT, np.array([0.9, 0.9, 0.9, 0, 0, 0]), PoseRefusal.TOO_FEW_KEYPOINTS),
        (FLAT, np.zeros(6), PoseRefusal.TOO_FEW_KEYPOINTS),
        (np.full((6, 3), np.nan), np.ones(6), PoseRefusal.NO_SHAPE),
    ],
)
def test_what_has_no_pose(points: np.ndarray, scores: np.ndarray, refusal: PoseRefusal) -> None:
    place = np.nan_to_num(points) + BEFORE
    found = lift(camera().project(place), scores, 100, camera())
    estimate = estimate_pose(shape_of(points), found)
    assert estimate.pose is None
    assert estimate.refusal is refusal


def test_collinear_keypoints_with_depth() -> None:
    points = np.outer(np.arange(5), (0.02, 0.01, 0))
    wall = DepthImage.of(np.full((300, 400), 600, np.uint16))
    found = lift(camera().project(points + BEFORE), np.full(5, 0.99), 100, camera(), wall)
    assert estimate_pose(shape_of(points), found).refusal is PoseRefusal.ON_A_LINE


def test_keypoints_in_disorder_agree_on_nothing() -> None:
    generator = np.random.default_rng(1)
    pixels = generator.uniform(100, 200, (14, 2))
    found = lift(pixels, np.full(14, 0.999), 100, camera())
    assert estimate_pose(shape_of(SHAPES["box"]), found).refusal is PoseRefusal.TOO_FEW_INLIERS


def test_no_shape_and_a_shape_without_scale() -> None:
    found = rays_of(SHAPES["box"] + (0, 0, 0.7))
    assert estimate_pose(None, found).refusal is PoseRefusal.NO_SHAPE
    scaleless = Shape(SHAPES["box"] * 7, np.full(14, 1e-4), metric=False)
    assert estimate_pose(scaleless, found).refusal is PoseRefusal.NO_SCALE


def far_and_flat(tilt: float) -> tuple[np.ndarray, Pose]:
    rotation = rigid.rotation_of(np.array([0.0, tilt, 0.0]))
    pose = Pose(rotation, np.array([0.0, 0.0, 1.5]), np.zeros((6, 6)))
    return pose.apply(FLAT), pose


@pytest.mark.parametrize("tilt", [-0.5, 0.5])
def test_the_previous_pose_decides_how_a_flat_object_is_tilted(tilt: float) -> None:
    points, true = far_and_flat(tilt)
    found = rays_of(points, 60)
    estimate = estimate_pose(shape_of(FLAT), found, previous=true)
    assert estimate.pose is not None
    assert rigid.angle_between(estimate.pose.rotation, true.rotation) < 0.1
    assert not estimate.ambiguous


def test_a_flat_object_without_a_previous_pose_is_ambiguous_and_says_so() -> None:
    points, true = far_and_flat(0.5)
    estimate = estimate_pose(shape_of(FLAT), rays_of(points, 60))
    assert estimate.ambiguous
    assert estimate.pose is not None
    error = rigid.vector_of(true.rotation @ estimate.pose.rotation.T)
    covariance = estimate.pose.covariance[3:, 3:]
    assert error @ np.linalg.solve(covariance, error) < 6


def test_depth_decides_how_a_flat_object_is_tilted() -> None:
    points, true = far_and_flat(0.5)
    slope = np.tan(-0.5)
    columns = (np.arange(400) - 200) / 600
    depth = np.tile(1.5 / (1 - slope * columns), (300, 1)).astype(np.float32)
    found = lift(camera().project(points), np.full(6, 0.999), 60, camera(), DepthImage.of(depth))
    estimate = estimate_pose(shape_of(FLAT), found)
    assert estimate.pose is not None
    assert rigid.angle_between(estimate.pose.rotation, true.rotation) < 0.15


def test_left_and_right_exchanged_are_recognised() -> None:
    """A seen order that only a mirror could bring about is not believed."""
    exchanged = np.array([1, 0, 2, 3, 4, 5])
    shape = np.array([[-4, 0, 0], [4, 0, 0], [0, 6, 1], [0, -5, 2], [0, 1, -5], [0, 2, 4.0]]) / 100
    points = (shape + BEFORE)[exchanged]
    among = orders(6, [exchanged.tolist()])
    estimate = estimate_pose(shape_of(shape), rays_of(points), among)
    assert estimate.pose is not None
    assert estimate.order.tolist() == exchanged.tolist()
    assert rigid.angle_between(estimate.pose.rotation, np.eye(3)) < 0.05


def test_the_previous_pose_decides_how_a_symmetric_object_is_turned() -> None:
    """Half a turn of the box: seen in one order, it stays as it was in the other."""
    half = np.diag((-1.0, -1.0, 1.0))
    corners = SHAPES["box"]
    away = np.linalg.norm(corners[:, None] @ half - corners, axis=2)
    among = orders(14, [away.argmin(axis=1).tolist()])
    tilt = rigid.rotation_of(np.array([0.5, 0.3, 0.1]))
    points = corners @ tilt.T + (0, 0, 0.7)
    for before in (tilt, tilt @ half):
        previous = Pose(before, np.array([0, 0, 0.7]), np.zeros((6, 6)))
        estimate = estimate_pose(shape_of(corners), rays_of(points), among, previous)
        assert estimate.pose is not None
        assert rigid.angle_between(estimate.pose.rotation, before) < 0.05
