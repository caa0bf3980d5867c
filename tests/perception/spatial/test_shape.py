"""Shapes that are given, seen once, or put together from several shots."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rig.depth_camera import box_keypoints, camera, measure, view
from scipy.spatial.transform import Rotation

from cape_ros.core.errors import InvalidInput
from cape_ros.perception.spatial import (
    DepthImage,
    LiftedKeypoints,
    Shape,
    ShapeBuilder,
    estimate_pose,
    lift,
    rigid,
)
from cape_ros.perception.spatial.lifting import KeypointState, pixel_deviation
from cape_ros.perception.symmetries import orders

BOX = box_keypoints()


def shoot(generator: np.random.Generator, score: float = 0.97) -> LiftedKeypoints:
    """A person's keypoints have a score of 1."""
    seen = view("box", generator)
    scores = np.where(seen.visible, score, 0.0)
    deviation = pixel_deviation(np.full(14, score), seen.size)
    pixels = seen.pixels + generator.normal(size=(14, 2)) * deviation[:, None]
    image = DepthImage.of(measure(seen.depth, generator))
    return lift(pixels, scores, seen.size, camera(), image)


def error_of(shape: Shape) -> np.ndarray:
    """Distances [K] from the truth, once laid onto it."""
    known = shape.known
    ours, true = (points[known] - points[known].mean(axis=0) for points in (shape.points, BOX))
    turned = Rotation.align_vectors(true, ours)[0].apply(ours)
    return np.linalg.norm(turned - true, axis=1)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ("abc", "keypoints_3d: are not numbers"),
        (BOX[:3], "keypoints_3d: shape (3, 3) is not 14 x 3"),
        (BOX * 1e5, "keypoints_3d[0]: "),
        (np.where(np.arange(3) == 1, np.nan, BOX), "is not in metres"),
    ],
)
def test_faults_of_given_keypoints(given: object, fault: str) -> None:
    with pytest.raises(InvalidInput) as error:
        Shape.given(given, 14)
    assert fault in str(error.value)


def test_given_keypoints_may_leave_some_out() -> None:
    points = BOX.copy()
    points[3] = np.nan
    assert Shape.given(points, 14).known.sum() == 13


def test_one_shot_with_depth_is_a_shape() -> None:
    found = shoot(np.random.default_rng(1), 1.0)
    shape = Shape.seen(found)
    assert shape is not None
    assert (shape.known == found.measured).all()
    assert np.nanmean(shape.points, axis=0) == pytest.approx(0)
    assert np.median(error_of(shape)) < 0.01
    pose = estimate_pose(shape, found).pose
    assert pose is not None
    assert rigid.angle_between(pose.rotation, np.eye(3)) < 1e-6


def test_without_depth_there_is_no_shape_of_one_shot() -> None:
    seen = view("box", np.random.default_rng(1))
    assert Shape.seen(lift(seen.pixels, np.ones(14), seen.size, camera())) is None


def test_many_shots_make_a_complete_and_better_shape() -> None:
    generator = np.random.default_rng(5)
    builder = ShapeBuilder()
    first = None
    for shot in range(40):
        builder.add(shoot(generator, 0.97 if shot else 1.0))
        first = first or builder.shape
    assert first is not None
    assert builder.shape is not None
    assert builder.shape.known.sum() > first.known.sum()
    assert np.median(error_of(builder.shape)) < 0.7 * np.median(error_of(first))
    assert np.median(error_of(builder.shape)) < 0.005


def with_wrong_depth(found: LiftedKeypoints, keypoint: int) -> LiftedKeypoints:
    points = found.points.copy()
    points[keypoint] += [*found.rays[keypoint].tolist(), 1.0]  # a metre farther, on its ray
    return replace(found, points=points)


def always_measured(generator: np.random.Generator) -> tuple[list[LiftedKeypoints], int]:
    """Shots, and a keypoint that all of them see with depth."""
    shots = [shoot(generator, 1.0) for _ in range(40)]
    keypoint = int(np.sum([each.measured for each in shots], axis=0).argmax())
    return [each for each in shots if each.measured[keypoint]][:10], keypoint


def test_one_wrong_depth_moves_no_point_that_several_registrations_agree_on() -> None:
    shots, keypoint = always_measured(np.random.default_rng(11))
    shape = None
    for found in [*shots[:4], with_wrong_depth(shots[4], keypoint)]:
        builder = ShapeBuilder(shape=shape)  # each registration has its own
        assert builder.add(found)
        shape = builder.shape
    assert shape is not None
    assert error_of(shape).max() < 0.02


def test_a_wrong_point_of_the_first_registration_is_replaced_by_later_ones() -> None:
    shots, keypoint = always_measured(np.random.default_rng(12))
    shape = None
    for found in [with_wrong_depth(shots[0], keypoint), *shots[1:]]:
        builder = ShapeBuilder(shape=shape)
        assert builder.add(found)
        shape = builder.shape
    assert shape is not None
    assert error_of(shape).max() < 0.05


def test_shots_in_the_other_order_of_a_symmetric_object_are_recognised() -> None:
    half = np.diag((-1.0, -1.0, 1.0))
    exchanged = np.linalg.norm(BOX[:, None] @ half - BOX, axis=2).argmin(axis=1)
    generator = np.random.default_rng(6)
    builder = ShapeBuilder(orders(14, [exchanged.tolist()]), Shape.given(BOX, 14))
    for shot in range(10):
        found = shoot(generator)
        if shot % 2:
            found = LiftedKeypoints(
                *(
                    each[exchanged]
                    for each in (
                        found.points,
                        found.covariances,
                        found.states,
                        found.rays,
                        found.ray_covariances,
                    )
                )
            )
        assert builder.add(found)
    assert builder.shape is not None
    np.testing.assert_allclose(builder.shape.points, BOX, atol=0.002)


def test_another_object_is_left_out() -> None:
    generator = np.random.default_rng(7)
    builder = ShapeBuilder(shape=Shape.given(BOX, 14))
    found = shoot(generator)
    mixed = LiftedKeypoints(
        found.points[generator.permutation(14)],
        found.covariances,
        found.states,
        found.rays,
        found.ray_covariances,
    )
    assert not builder.add(mixed)


def test_a_shape_without_scale_gets_it_from_depth() -> None:
    found = shoot(np.random.default_rng(8))
    shape = Shape(BOX * 13, np.full(14, 1e-4), metric=False).scaled_to(found)
    assert shape is not None
    assert shape.metric
    np.testing.assert_allclose(shape.points, BOX, rtol=0.1, atol=1e-9)


def seen_of(found: LiftedKeypoints, kept: np.ndarray) -> LiftedKeypoints:
    """Only these keypoints have depth."""
    has = np.isin(np.arange(len(found.states)), kept) & found.measured
    states = np.where(found.measured & ~has, KeypointState.NO_DEPTH, found.states)
    return replace(found, points=np.where(has[:, None], found.points, np.nan), states=states)


def test_a_scale_takes_three_keypoints_and_says_how_well_it_is_known() -> None:
    shape = Shape(BOX * 13, np.full(14, 1e-12), metric=False)
    surprise = []
    for seed in range(40):
        generator = np.random.default_rng(seed)
        found = shoot(generator)
        kept = generator.permutation(np.flatnonzero(found.measured))
        assert shape.scaled_to(seen_of(found, kept[:2])) is None
        scaled = shape.scaled_to(seen_of(found, kept[:4]))
        assert scaled is not None
        away = np.linalg.norm(scaled.points[0] - BOX[0])
        surprise.append(away / np.sqrt(scaled.variances[0]))
    assert 0.3 < np.median(surprise) < 1.3  # 0.67 in theory


def test_a_shape_that_has_its_scale_is_improved_as_if_it_had_begun_so() -> None:
    first, second = (shoot(np.random.default_rng(seed)) for seed in (8, 9))
    whole = Shape(BOX * 13, np.full(14, 1e-4), metric=False)
    scaled = whole.scaled_to(first)
    built = []
    for begun in (whole, scaled):
        builder = ShapeBuilder(shape=begun)
        assert builder.add(first)
        for _ in range(200):
            builder.add(second)
        built.append(builder.shape.variances)
    np.testing.assert_allclose(*built)
