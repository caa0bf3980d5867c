"""Objects in space, from image to image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rig.depth_camera import View, box_keypoints, camera, cup_keypoints, measure, view

from cape_ros.perception.category import Category
from cape_ros.perception.objects import ObjectKeypoints
from cape_ros.perception.space import ObjectInSpace, Sight, SpaceEstimator
from cape_ros.perception.spatial import DepthImage, Pose, Shape, read_frames, rigid

TRUE = box_keypoints()
NAMES = tuple(f"k{index}" for index in range(len(TRUE)))
FRAMES = read_frames({"top": {"origin": ["k0", "k3"], "x": "k0->k3", "z": "down"}}, NAMES)
BOX = Category("box", NAMES, shape=Shape.given(TRUE, len(TRUE)), frames=FRAMES)


@pytest.fixture
def seen() -> View:
    return view("box", np.random.default_rng(3))


def found(seen: View, **fields: object) -> ObjectKeypoints:
    scores = np.where(seen.visible, 0.97, 0.05).astype(np.float32)
    low = seen.pixels.min(axis=0)
    box = (*low.tolist(), *np.ptp(seen.pixels, axis=0).tolist())
    pixels = seen.pixels.astype(np.float32)
    return replace(
        ObjectKeypoints("box", 1, box, pixels, scores, scores, NAMES, track_id=4), **fields
    )


def depth(seen: View) -> DepthImage:
    return DepthImage.of(measure(seen.depth, np.random.default_rng(0)))


def one(
    estimator: SpaceEstimator, seen: View, sight: Sight, category: Category = BOX, **fields: object
) -> ObjectInSpace:
    (made,) = estimator.estimate([found(seen, **fields)], {"box": category}, sight)
    return made


def test_a_shape_without_scale_has_one_once_depth_was_seen(seen: View) -> None:
    shape = Shape(TRUE / 0.05, np.full(len(TRUE), 1e-4), metric=False)
    category, estimator = replace(BOX, shape=shape), SpaceEstimator()
    assert "no scale" in one(estimator, seen, Sight(camera(), 0.0), category).refusal
    for number, image in enumerate((depth(seen), None), 1):
        posed = one(estimator, seen, Sight(camera(), float(number), image), category)
        assert posed.pose is not None
        np.testing.assert_allclose(posed.pose.translation, seen.translation, atol=0.03)


def test_keypoints_of_a_symmetric_object_lie_where_they_were_found() -> None:
    """A quarter of a turn later by the order of its keypoints, and placed by its pose."""
    cup, shape = view("cup", np.random.default_rng(3)), cup_keypoints()
    quarter = np.array([2, 3, 4, 5, 6, 7, 0, 1, 9, 10, 11, 8])
    names = NAMES[: len(shape)]
    category = Category(
        "box",
        names,
        shape=Shape.given(shape, len(shape)),
        symmetries=[quarter.tolist()],
    )
    estimator, scores = SpaceEstimator(), np.full(len(shape), 0.97, np.float32)
    for order in (np.arange(len(shape)), quarter):
        pixels = cup.pixels[order].astype(np.float32)
        seen = ObjectKeypoints("box", 1, cup.box, pixels, scores, scores, names, track_id=4)
        (posed,) = estimator.estimate([seen], {"box": category}, Sight(camera(), 0.0))
        assert posed.pose is not None
        np.testing.assert_allclose(camera().project(posed.places.points), pixels, atol=3)


def test_a_hidden_object_moves_on_in_the_target_frame(seen: View) -> None:
    turn = rigid.rotation_of(np.array((np.pi, 0, 0)))  # it looks down
    estimator = SpaceEstimator()
    for step in range(20):
        target = Pose(turn, np.array((0.02 * step, 0, 1.5)), np.zeros((6, 6)))
        sight = Sight(camera(), step / 10, depth(seen), target=target)
        posed = one(estimator, seen, sight)
    hidden = one(estimator, seen, replace(sight, seconds=2.1), predicted=True)
    assert posed.pose is not None
    assert hidden.pose is not None
    assert not hidden.lifted.measured.any()
    moved = (hidden.pose.translation - posed.pose.translation)[0]
    assert moved == pytest.approx(0.2 * 0.2, abs=0.02)  # 0.2 m/s for 0.2 s
    (frame,) = hidden.frames
    assert frame.pose is not None


def test_down_is_known_in_a_target_frame_only(seen: View) -> None:
    sight = Sight(camera(), 0.0, depth(seen))
    (frame,) = one(SpaceEstimator(), seen, sight).frames
    assert "gravity" in frame.reason
    turn = rigid.rotation_of(np.array((np.pi / 2 + 0.6, 0, 0)))
    target = Pose(turn, np.zeros(3), np.zeros((6, 6)))
    (frame,) = one(SpaceEstimator(), seen, replace(sight, target=target)).frames
    assert frame.pose is not None
    assert frame.pose.rotation[2, 2] < -0.8  # as near to straight down as x allows


def test_a_category_that_changed_meanwhile_is_left_out(seen: View) -> None:
    estimator, sight = SpaceEstimator(), Sight(camera(), 0.0, depth(seen))
    assert estimator.estimate([found(seen)], {}, sight) == []
    other = Category("box", NAMES[:3])
    assert estimator.estimate([found(seen)], {"box": other}, sight) == []


@pytest.mark.parametrize("size", [0.0, 1e-9, 90.0])
def test_a_shape_of_impossible_size_is_no_pose_and_no_crash(seen: View, size: float) -> None:
    shape = Shape.given(TRUE / np.abs(TRUE).max() * size, len(TRUE))
    for image in (depth(seen), None):
        posed = one(SpaceEstimator(), seen, Sight(camera(), 0.0, image), replace(BOX, shape=shape))
        assert posed.pose is None or (image is None and size > 1)  # a giant far away


def test_a_shape_of_which_nothing_is_known_is_no_pose(seen: View) -> None:
    nothing = Shape.given(np.full((len(TRUE), 3), np.nan), len(TRUE))
    posed = one(
        SpaceEstimator(), seen, Sight(camera(), 0.0, depth(seen)), replace(BOX, shape=nothing)
    )
    assert posed.pose is None
    assert posed.refusal


def test_another_target_frame_begins_anew(seen: View) -> None:
    estimator = SpaceEstimator()
    here, there = (Pose(np.eye(3), np.array((x, 0.0, 0.0)), np.zeros((6, 6))) for x in (0.0, 5.0))
    for step in range(5):
        sight = Sight(camera(), step / 10, depth(seen), target=here, target_frame="base")
        before = one(estimator, seen, sight)
    sight = Sight(camera(), 0.5, depth(seen), target=there, target_frame="map")
    after = one(estimator, seen, sight)
    assert before.pose is not None
    assert after.pose is not None
    assert (after.pose.translation - before.pose.translation)[0] == pytest.approx(5, abs=0.05)
