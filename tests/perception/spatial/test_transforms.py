"""Frames in each other."""

from __future__ import annotations

import numpy as np
import pytest

from cape_ros.perception.spatial import Pose, rigid
from cape_ros.perception.spatial.transforms import MOST_FRAMES, NoTransform, TransformTree


def pose(x: float, yaw: float = 0.0) -> Pose:
    return Pose(rigid.rotation_of(np.array((0, 0, yaw))), np.array((x, 0, 0)), np.zeros((6, 6)))


@pytest.fixture
def tree() -> TransformTree:
    """map -> base (static) -> camera, which turns; map -> table."""
    tree = TransformTree()
    tree.add("map", "base", pose(1.0), 0.0, static=True)
    tree.add("base", "camera", pose(1.0, 0.0), 10.0)
    tree.add("base", "camera", pose(2.0, np.pi / 2), 12.0)
    tree.add("map", "table", pose(5.0), 0.0, static=True)
    return tree


def test_a_moment_between_two_is_interpolated(tree: TransformTree) -> None:
    found = tree.find("map", "camera", 11.0)
    np.testing.assert_allclose(found.translation, (2.5, 0, 0))
    np.testing.assert_allclose(rigid.vector_of(found.rotation), (0, 0, np.pi / 4), atol=1e-9)


def test_a_frame_beside(tree: TransformTree) -> None:
    found = tree.find("camera", "table", 12.0)
    np.testing.assert_allclose(found.translation, (0, -2.0, 0), atol=1e-9)
    np.testing.assert_allclose(rigid.vector_of(found.rotation), (0, 0, -np.pi / 2), atol=1e-9)
    there = tree.find("table", "camera", 12.0)
    np.testing.assert_allclose(there.seen_from(found).translation, np.zeros(3), atol=1e-9)


@pytest.mark.parametrize(
    ("target", "stamp", "reason", "late"),
    [
        ("map", 12.5, "ends 0.500 s before the image", True),
        ("map", 9.0, "begins 1.000 s after the image", False),
        ("moon", 11.0, "knows no frame 'moon'", True),
        ("island", 11.0, "does not connect 'island' and 'camera'", True),
    ],
)
def test_what_is_not_known_says_why(
    tree: TransformTree, target: str, stamp: float, reason: str, late: bool
) -> None:
    tree.add("island", "palm", pose(0.0), 0.0, static=True)
    with pytest.raises(NoTransform, match=reason) as error:
        tree.find(target, "camera", stamp)
    assert error.value.late == late


def test_it_forgets(tree: TransformTree) -> None:
    for step in range(30_000):
        tree.add("base", "camera", pose(0.0), 100 + step / 1000)
    assert tree.find("base", "camera", 129.0)
    with pytest.raises(NoTransform, match="begins"):
        tree.find("base", "camera", 119.0)
    for number in range(2 * MOST_FRAMES):
        tree.add("base", f"made_{number}", pose(0.0), 0.0)
    with pytest.raises(NoTransform, match="knows no frame"):
        tree.find("base", f"made_{2 * MOST_FRAMES - 1}", 0.0)
    tree.add("base", "camera", pose(3.0), 0.0)  # the clock began anew
    assert tree.find("base", "camera", 0.0).translation[0] == 3.0


def test_what_comes_last_of_a_fixed_frame_counts_whatever_its_stamp(tree: TransformTree) -> None:
    for stamp in (50.0, 49.0, 0.0):
        tree.add("map", "base", pose(stamp), stamp, static=True)
        assert tree.find("map", "base", 11.0).translation[0] == stamp


def test_a_run_that_began_anew_is_not_mixed_with_the_one_before() -> None:
    tree = TransformTree()
    for step in range(80):  # 8 s of a simulation
        tree.add("base", "camera", pose(1.0), step / 10)
    for step in range(3):  # which is reset; its stamps are others
        tree.add("base", "camera", pose(9.0), step / 10 + 0.03)
    assert tree.find("base", "camera", 0.18).translation[0] == 9.0
    with pytest.raises(NoTransform, match="ends"):
        tree.find("base", "camera", 5.0)


def test_one_transform_that_was_held_up_on_its_way_does_no_harm() -> None:
    tree = TransformTree()
    for step in range(50):
        tree.add("base", "camera", pose(float(step)), step / 10)
        if step > 20:  # another publisher, whose clock is two seconds behind
            tree.add("base", "camera", pose(-1.0), step / 10 - 2)
    for step in (15, 40):
        assert tree.find("base", "camera", step / 10).translation[0] == step


def test_what_comes_out_of_order_is_put_in_order() -> None:
    tree = TransformTree()
    for stamp in (10.0, 10.2, 10.1):
        tree.add("base", "camera", pose(stamp), stamp)
    assert tree.find("base", "camera", 10.15).translation[0] == pytest.approx(10.15)


def test_a_ring_is_no_end() -> None:
    tree = TransformTree()
    for parent, child in (("a", "b"), ("b", "c"), ("c", "a")):
        tree.add(parent, child, pose(0.0), 1.0)
    with pytest.raises(NoTransform, match="TF"):
        tree.find("d", "a", 1.0)


def test_frames_that_ended_make_room_for_new_ones(tree: TransformTree) -> None:
    for number in range(MOST_FRAMES):
        tree.add("map", f"track {number}", pose(0.0), 20.0)
    tree.add("map", "new", pose(7.0), 40.0)
    assert tree.find("map", "new", 40.0).translation[0] == 7
    assert tree.find("map", "base", 40.0).translation[0] == 1  # static
