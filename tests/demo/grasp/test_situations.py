"""Random places, and from where the camera sees them."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from cape_ros.demo.grasp.objects import SimulatedObject
from cape_ros.demo.grasp.situations import (
    APART,
    Placement,
    drawn,
    registered,
    sides,
    view_of,
)

CUP = SimulatedObject("cup", 0.04, lambda body: None)
OTHERS = [SimulatedObject(f"other_{number}", 0.05, lambda body: None) for number in range(3)]


def direction(at: Placement, camera: np.ndarray) -> np.ndarray:
    turn = np.array(
        [[np.cos(at.yaw), -np.sin(at.yaw), 0], [np.sin(at.yaw), np.cos(at.yaw), 0], [0, 0, 1]]
    )
    return view_of(turn, np.array((at.x, at.y, 0.0)), camera)


def test_the_front_is_registered_and_later_seen_within_the_widest_angle() -> None:
    first = registered(CUP)
    front = direction(first.placements["cup"], first.camera)
    assert front[0] > 0.5
    assert abs(front[1]) < 1e-9
    seen_sides = []
    generator = np.random.default_rng(0)
    for _ in range(100):
        situation = drawn(CUP, [], np.radians(30), generator)
        seen = direction(situation.placements["cup"], situation.camera)
        seen_sides.append(np.degrees(np.arctan2(seen[1], seen[0])))
    assert 25 < np.abs(seen_sides).max() < 30.001
    assert min(seen_sides) < -20 < 20 < max(seen_sides)


def test_further_images_show_both_sides() -> None:
    assert sides(1, 90) == [0]
    assert sides(2, 90) == [0, 90]
    assert sides(5, 90) == [0, 45, -45, 90, -90]
    for side in sides(5, 0.5):
        turned = registered(CUP, side)
        front = direction(turned.placements["cup"], turned.camera)
        assert np.arctan2(front[1], front[0]) == pytest.approx(-side)


def test_objects_stand_apart() -> None:
    generator = np.random.default_rng(0)
    counts = []
    for _ in range(50):
        placements = drawn(CUP, OTHERS, 0.5, generator).placements
        counts.append(len(placements))
        radii = {each.name: each.radius for each in (CUP, *OTHERS)}
        for (name, one), (other, two) in combinations(placements.items(), 2):
            gap = np.hypot(one.x - two.x, one.y - two.y) - radii[name] - radii[other]
            assert gap >= APART - 1e-9
    assert np.mean(counts) > 3.5
