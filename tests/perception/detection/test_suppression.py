from __future__ import annotations

import numpy as np
import pytest

from cape_ros.perception.category import SupportShot
from cape_ros.perception.detection.suppression import is_duplicate, is_flattened
from cape_ros.perception.objects import ObjectKeypoints

SQUARE = np.array([[100, 100], [200, 100], [200, 200], [100, 200]], np.float32)


def mug(points: np.ndarray, match: float = 0.9) -> ObjectKeypoints:
    matches = np.full(len(points), match, np.float32)
    return ObjectKeypoints("mug", 1, (0, 0, 640, 480), points, matches, matches, "abcd")


@pytest.mark.parametrize("shift", [(90, 0), (0, 90), (70, 70), (-95, 0)])
def test_two_mugs_side_by_side_stay_two(shift: tuple[int, int]) -> None:
    assert not is_duplicate(mug(SQUARE + np.float32(shift)), [mug(SQUARE)], 0.3)


@pytest.mark.parametrize("shift", [(0, 0), (5, 5), (0, -10)])
def test_the_same_mug_found_twice_is_one(shift: tuple[int, int]) -> None:
    assert is_duplicate(mug(SQUARE + np.float32(shift)), [mug(SQUARE)], 0.3)


def test_a_symmetric_mug_the_other_way_round_is_the_same() -> None:
    assert is_duplicate(mug(np.roll(SQUARE, 2, axis=0)), [mug(SQUARE)], 0.3)


def test_a_mug_made_of_the_halves_of_two_is_none() -> None:
    left, right = mug(SQUARE), mug(SQUARE + np.float32((110, 0)))
    halves = mug(np.where([[True], [False], [False], [True]], SQUARE, right.keypoints))
    assert is_duplicate(halves, [left, right], 0.3)


def test_points_that_nobody_trusts_do_not_count() -> None:
    first = mug(SQUARE)
    other = mug(SQUARE + np.float32((120, 0)))
    other.matches[0], other.keypoints[0] = 0.1, SQUARE[0]
    assert not is_duplicate(other, [first], 0.3)
    assert not is_duplicate(other, [], 0.3)


def test_a_part_that_looks_like_the_whole_is_none_of_its_own() -> None:
    part = mug(SQUARE * 0.3 + np.float32((90, 80)))
    assert is_duplicate(part, [mug(SQUARE)], 0.3)
    assert is_duplicate(mug(SQUARE), [part], 0.3)


def test_points_on_a_line_are_no_object_that_no_shot_shows_so() -> None:
    shot = SupportShot(np.zeros((300, 300, 3), np.uint8), SQUARE)
    line = SQUARE * np.float32((0.1, 1.5))
    oblique = SQUARE * np.float32((0.4, 1.0))
    assert is_flattened(mug(line), [shot], 0.3)
    assert not is_flattened(mug(oblique), [shot], 0.3)
    flat = SupportShot(np.zeros((300, 300, 3), np.uint8), SQUARE * np.float32((0.05, 1.0)))
    assert not is_flattened(mug(line), [shot, flat], 0.3)
    assert not is_flattened(mug(line), [], 0.3)
