"""What registrations make of depth, shapes and frames."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rig.depth_camera import SIZE, View, box_keypoints, camera, measure, view

from cape_ros.core.errors import InvalidInput
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.spatial import DepthImage, Shape, read_frames
from cape_ros.server.registration import RegisterMode, merge

TRUE = box_keypoints()
NAMES = tuple(f"k{index}" for index in range(len(TRUE)))
GRASP = read_frames({"grasp": {"origin": ["k0", "k3"], "x": "k0->k3"}}, NAMES)


def shot(seed: int = 0, depth: bool = True, calibrated: bool = True) -> SupportShot:
    generator = np.random.default_rng(seed)
    seen = view("box", generator)
    return taken(seen, generator if depth else None, calibrated)


def taken(seen: View, noise: np.random.Generator | None, calibrated: bool) -> SupportShot:
    rng = np.random.default_rng(int(1e6 * seen.translation[2]))
    image = rng.integers(0, 256, (SIZE[1], SIZE[0], 3), np.uint8)
    depth = DepthImage.of(measure(seen.depth, noise)) if noise else None
    return SupportShot(
        image,
        seen.pixels,
        seen.visible,
        camera=camera() if calibrated else None,
        depth=depth,
    )


def category(*shots: SupportShot, **fields: object) -> Category:
    return replace(Category("box", NAMES, shots=shots), **fields)


def lengths(points: np.ndarray) -> np.ndarray:
    first, second = np.triu_indices(len(points), 1)
    return np.linalg.norm(points[first] - points[second], axis=1)


def assert_true(shape: Shape | None, within: float) -> None:
    assert shape is not None
    assert shape.metric
    points = shape.points[shape.known]
    assert np.median(np.abs(lengths(points) - lengths(TRUE[shape.known]))) < within


def test_one_shot_with_depth_makes_a_shape_and_its_depth_is_not_kept() -> None:
    stored = merge({}, category(shot()), RegisterMode.CREATE)
    assert_true(stored.shape, 0.006)
    assert stored.shape.known.sum() == shot().visible.sum()
    assert stored.shots[0].depth is None
    assert stored.shots[0].camera is not None


def test_added_shots_complete_the_shape_in_its_frame() -> None:
    stored = merge({}, category(shot(), frames=GRASP), RegisterMode.CREATE)
    begun = stored.shape
    for seed in range(1, 8):
        stored = merge({"box": stored}, category(shot(seed)), RegisterMode.ADD_SHOTS)
    assert stored.shape.known.sum() > begun.known.sum()
    assert_true(stored.shape, 0.006)
    moved = np.linalg.norm(stored.shape.points - begun.points, axis=1)[begun.known]
    assert np.median(moved) < 0.006
    assert stored.frames == GRASP


def test_shots_of_a_calibrated_camera_make_a_shape_that_depth_scales() -> None:
    known: dict[str, Category] = {}
    for seed in range(4):
        mode = RegisterMode.ADD_SHOTS if known else RegisterMode.CREATE
        known = {"box": merge(known, category(shot(seed, depth=False)), mode)}
    assert known["box"].shape is not None
    assert not known["box"].shape.metric
    stored = merge(known, category(shot(4)), RegisterMode.ADD_SHOTS)
    assert_true(stored.shape, 0.01)


def test_a_given_shape_counts_before_depth() -> None:
    given = Shape.given(TRUE, len(TRUE))
    stored = merge({}, category(shot(), shape=given), RegisterMode.CREATE)
    np.testing.assert_array_equal(stored.shape.points, TRUE)


def test_a_change_keeps_the_shape_and_the_frames_that_it_leaves_empty() -> None:
    stored = merge({}, category(shot(), frames=GRASP), RegisterMode.CREATE)
    plain = shot(depth=False, calibrated=False)
    moved = SupportShot(plain.image, plain.keypoints + 1, plain.visible)
    changed = merge({"box": stored}, category(moved), RegisterMode.REPLACE)
    assert changed.frames == GRASP
    np.testing.assert_array_equal(changed.shape.points, stored.shape.points)
    other = merge({"box": stored}, category(shot(3, depth=False)), RegisterMode.REPLACE)
    assert other.frames == GRASP
    assert other.shape is None  # of another object, for all that is known


def test_a_shape_that_is_sent_back_as_it_was_got_stays_what_was_measured() -> None:
    stored = merge({}, category(shot()), RegisterMode.CREATE)
    got = Shape.given(stored.shape.points, len(TRUE))
    for mode, new in ((RegisterMode.REPLACE, ()), (RegisterMode.ADD_SHOTS, (shot(1),))):
        shots = new or stored.shots
        again = merge({"box": stored}, category(*shots, shape=got), mode)
        assert again.shape.variances[again.shape.known].max() > got.variances[0]
        assert again.shape.known.sum() >= stored.shape.known.sum()
    bare = merge({"box": stored}, category(shot(3, depth=False), shape=got), RegisterMode.REPLACE)
    np.testing.assert_array_equal(bare.shape.points, stored.shape.points)
    moved = merge(
        {"box": stored},
        category(shot(3, depth=False), shape=Shape.given(TRUE, len(TRUE))),
        RegisterMode.REPLACE,
    )
    np.testing.assert_array_equal(moved.shape.points, TRUE)


def test_depth_that_cannot_be_used_is_a_fault_of_its_field() -> None:
    good = shot()
    small = DepthImage.of(np.ones((3, 4), np.float32))
    bad = SupportShot(good.image, good.keypoints, good.visible, depth=small)
    with pytest.raises(InvalidInput) as error:
        category(bad)
    assert [fault.field for fault in error.value.faults] == [
        "shots[0].camera_info",
        "shots[0].depth",
    ]
    with pytest.raises(InvalidInput, match="keypoints_3d"):
        category(good, shape=Shape.given(TRUE[:3], 3))


def test_depth_of_an_image_that_is_known_already_counts() -> None:
    with_depth = shot()
    known = {"box": merge({}, category(replace(with_depth, depth=None)), RegisterMode.CREATE)}
    assert known["box"].shape is None
    again = merge(known, category(with_depth), RegisterMode.REPLACE)
    assert_true(again.shape, 0.006)
