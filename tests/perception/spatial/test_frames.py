"""Named frames: what a definition may say, and where the frame then lies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rig.depth_camera import box_keypoints, camera, measure, view

from cape_ros.core.errors import InvalidInput
from cape_ros.perception.spatial import (
    DepthImage,
    Places,
    Shape,
    estimate_pose,
    lift,
    locate,
    read_frames,
    rigid,
)
from cape_ros.perception.spatial.frames import to_mapping

NAMES = ("rim_left", "rim_right", "handle", "a->b")
GRASP = {"origin": ["rim_left", "rim_right"], "x": "rim_left->rim_right", "z": "approach"}
POINTS = np.array([[-0.04, 0.0, 0.5], [0.04, 0.0, 0.52], [0.09, 0.02, 0.5], [0.0, 0.1, 0.5]])


def places(points: np.ndarray = POINTS, deviation: float = 0.003) -> Places:
    covariances = np.tile(deviation**2 * np.eye(3), (len(points), 1, 1))
    return Places.independent(points, covariances)


def test_a_grasp() -> None:
    (frame,) = read_frames({"grasp": GRASP}, NAMES)
    pose = locate(frame, places(), NAMES).pose
    assert pose is not None
    along = POINTS[1] - POINTS[0]
    np.testing.assert_allclose(pose.translation, [0, 0, 0.51])
    np.testing.assert_allclose(pose.rotation[:, 0], along / np.linalg.norm(along))
    assert pose.rotation[2, 2] > 0.95
    np.testing.assert_allclose(pose.rotation @ pose.rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(pose.rotation) == pytest.approx(1)
    # The middle of two is better known than each; their line turns with their distance.
    assert pose.covariance[0, 0] == pytest.approx(0.003**2 / 2)
    expected = np.sqrt(2) * 0.003 / np.linalg.norm(along)
    assert np.sqrt(pose.covariance[5, 5]) == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize(
    ("axes", "exact"),
    [
        ({"z": "approach", "x": "rim_left->handle"}, "x"),
        ({"y": "rim_left->handle", "x": "rim_left->rim_right"}, "y"),
        ({"x": "rim_left->rim_right", "y": "rim_left->handle"}, "x"),
        ({"z": "down", "y": "approach"}, "z"),
        ({"y": "rim_left->handle"}, "y"),
        ({"z": "approach"}, "z"),
    ],
)
def test_one_axis_is_exact_and_the_other_as_near_as_it_allows(
    axes: dict[str, str], exact: str
) -> None:
    (frame,) = read_frames({"f": {"origin": ["rim_left"], **axes}}, NAMES)
    down = np.array([0.0, 0.8, 0.6])
    pose = locate(frame, places(), NAMES, down).pose
    assert pose is not None
    assert np.linalg.det(pose.rotation) == pytest.approx(1)
    wanted = {
        "approach": POINTS[0],
        "down": down,
        "rim_left->handle": POINTS[2] - POINTS[0],
        "rim_left->rim_right": POINTS[1] - POINTS[0],
    }
    for axis, along in axes.items():
        unit = wanted[along] / np.linalg.norm(wanted[along])
        cosine = pose.rotation[:, "xyz".index(axis)] @ unit
        assert cosine == pytest.approx(1) if axis == exact else cosine > 0


@pytest.mark.parametrize(
    ("frames", "fault"),
    [
        ([], "frames: is not a mapping"),
        ({"g": []}, "frames.g: is not a mapping"),
        ({"0 g": GRASP}, "'0 g' must be"),
        ({"g": {**GRASP, "origin": ["rim_left", "rim"]}}, "frames.g.origin[1]: 'rim' is not a key"),
        ({"g": {**GRASP, "x": "rim_left->ear"}}, "frames.g.x: 'ear' is not a keypoint (known: rim"),
        ({"g": {**GRASP, "x": "rim_left->rim_left"}}, "frames.g.x: points from 'rim_left' to it"),
        ({"g": {**GRASP, "z": "up"}}, "frames.g.z: is neither 'keypoint->keypoint' nor one of"),
        ({"g": {**GRASP, "z": 3}}, "frames.g.z: is neither"),
        ({"g": {**GRASP, "z": ["down"]}}, "frames.g.z: is neither"),
        ({"g": {**GRASP, "w": 3}}, "frames.g.w: is not one of origin, x, y, z"),
        ({"g": {"x": "rim_left->handle"}}, "frames.g.origin: is not a list"),
        ({"g": {"origin": ["handle"]}}, "frames.g: has 0 axes"),
        ({"g": {**GRASP, "y": "rim_left->handle"}}, "frames.g: has 3 axes"),
        ({"g": {**GRASP, "origin": [["handle"]]}}, "frames.g.origin[0]"),
        ({str(at): GRASP for at in range(17)}, "frames: has 17; at most 16"),
    ],
)
def test_faults_are_named(frames: Any, fault: str) -> None:
    with pytest.raises(InvalidInput) as error:
        read_frames(frames, NAMES)
    assert fault in str(error.value)


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(InvalidInput) as error:
        read_frames({"g": {"origin": ["no"], "x": "no->handle"}, "h": {"origin": "no"}}, NAMES)
    fields = [fault.field for fault in error.value.faults]
    assert fields == ["frames.g.origin[0]", "frames.g.x", "frames.h.origin[0]", "frames.h"]


def test_keypoints_whose_names_hold_arrows() -> None:
    (frame,) = read_frames({"g": {"origin": "a->b", "x": "a->b -> handle"}}, NAMES)
    assert frame.keypoints == (3, 2)


def test_a_definition_is_written_as_it_was_read() -> None:
    given = {"grasp": GRASP, "top": {"origin": ["handle"], "z": "down"}}
    assert to_mapping(read_frames(given, NAMES), NAMES) == given


@pytest.mark.parametrize(
    ("points", "frame", "reason"),
    [
        (np.where(np.arange(4)[:, None] == 1, np.nan, POINTS), GRASP, "'rim_right' has no depth"),
        (POINTS[[0, 0, 2, 3]], GRASP, "the keypoints of x are in one place"),
        (POINTS, {**GRASP, "z": "rim_left->rim_right"}, "x and z have the same direction"),
        (POINTS, {**GRASP, "z": "down"}, "direction of gravity is not known"),
    ],
)
def test_a_frame_that_cannot_be_says_why(
    points: np.ndarray, frame: dict[str, Any], reason: str
) -> None:
    (definition,) = read_frames({"g": frame}, NAMES)
    found = locate(definition, places(points), NAMES)
    assert found.pose is None
    assert reason in found.reason


def test_a_keypoint_without_depth_is_placed_by_the_pose_of_its_object() -> None:
    seen = view("box", np.random.default_rng(2))
    shape = Shape.given(box_keypoints(), 14)
    depth = DepthImage.of(measure(seen.depth, np.random.default_rng(3)))
    scores = np.where(seen.visible, 0.999, 0.0)
    found = lift(seen.pixels, scores, seen.size, camera(), depth)
    estimate = estimate_pose(shape, found)
    hidden = int(np.flatnonzero(~found.measured)[0])
    where = Places.of(found, estimate, shape)
    error = where.points[hidden] - seen.points[hidden]
    assert np.linalg.norm(error) < 0.01
    assert error @ np.linalg.solve(where.covariances[hidden], error) < 12
    assert not np.isfinite(Places.of(found).points[hidden]).any()


def test_a_frame_that_a_pose_places_is_as_uncertain_as_that_pose() -> None:
    """The keypoints err together: two of them say no more than one."""
    seen = view("box", np.random.default_rng(2))
    corners = box_keypoints()
    shape = Shape(corners, np.full(len(corners), 1e-10))
    found = lift(seen.pixels, np.where(seen.visible, 0.97, 0.0), seen.size, camera())
    estimate = estimate_pose(shape, found)
    assert estimate.pose is not None
    names = tuple(f"k{at}" for at in range(len(corners)))
    given = {"origin": ["k0", "k7"], "x": "k0->k4", "y": "k0->k2"}
    (frame,) = read_frames({"f": given}, names)
    placed = locate(frame, Places.of(found, estimate, shape), names).pose
    assert placed is not None
    local = rigid.Pose(np.eye(3), corners[[0, 7]].mean(axis=0), np.zeros((6, 6)))
    expected = local.seen_from(estimate.pose)
    np.testing.assert_allclose(placed.rotation, expected.rotation, atol=1e-6)
    scale = np.sqrt(np.diag(expected.covariance))
    difference = (placed.covariance - expected.covariance) / np.outer(scale, scale)
    np.testing.assert_allclose(difference, 0, atol=0.01)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000))
def test_the_covariance_of_a_frame_is_that_of_its_samples(seed: int) -> None:
    generator = np.random.default_rng(seed)
    points = generator.uniform(-0.1, 0.1, (4, 3)) + np.array([0, 0, 0.6])
    axes = {"y": "rim_left->rim_right", "z": "rim_left->handle"}
    (frame,) = read_frames({"f": {"origin": ["rim_left", "handle"], **axes}}, NAMES)
    pose = locate(frame, places(points), NAMES).pose
    one = points[1] - points[0], points[2] - points[0]
    narrow = np.linalg.norm(np.cross(*one)) < 0.004 or min(map(np.linalg.norm, one)) < 0.05
    if pose is None or narrow:
        return
    errors = []
    for _ in range(300):
        moved = points + generator.normal(size=points.shape) * 1e-4
        other = locate(frame, places(moved), NAMES).pose
        assert other is not None
        turned = rigid.vector_of(other.rotation @ pose.rotation.T)
        errors.append(np.concatenate((other.translation - pose.translation, turned)))
    claimed = pose.covariance * (1e-4 / 0.003) ** 2
    ratio = np.var(errors, axis=0) / np.diag(claimed)
    assert (ratio > 0.6).all()
    assert (ratio < 1.6).all()
