"""Interchangeable keypoints."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_ros.perception.symmetries import MOST_ORDERS, nearest_order, orders

SQUARE = np.array([[0, 0], [10, 0], [10, 10], [0, 10]], np.float32)


def test_without_symmetries_there_is_one_order() -> None:
    assert orders(3, ()).tolist() == [[0, 1, 2]]


@pytest.mark.parametrize(
    ("symmetries", "count"),
    [
        ([(1, 0, 2, 3)], 2),  # a mirror pair
        ([(1, 2, 3, 0)], 4),  # a quarter turn
        ([(1, 2, 3, 0), (1, 0, 3, 2)], 8),  # all of a square
        ([(1, 0, 2, 3), (1, 2, 3, 0)], 24),  # anything
    ],
)
def test_symmetries_make_a_group_together(symmetries: list[tuple[int, ...]], count: int) -> None:
    found = {tuple(order) for order in orders(4, symmetries).tolist()}
    assert len(found) == count
    for one in found:
        assert {tuple(one[at] for at in other) for other in found} == found


def test_a_large_group_is_bounded_and_begins_with_the_identity() -> None:
    swap, shift = (1, 0, *range(2, 12)), (*range(1, 12), 0)
    found = orders(12, [swap, shift])
    assert found.shape == (MOST_ORDERS, 12)
    assert found[0].tolist() == list(range(12))
    assert len({tuple(order) for order in found.tolist()}) == MOST_ORDERS


@given(st.integers(0, 3), st.floats(-2, 2))
def test_the_nearest_order_undoes_a_turn_of_the_keypoints(turns: int, shift: float) -> None:
    among = orders(4, [(1, 2, 3, 0)])
    mixed = np.roll(SQUARE, turns, axis=0) + np.float32(shift)
    order = nearest_order(mixed, SQUARE, among, np.ones(4))
    assert np.allclose(mixed[order], SQUARE + np.float32(shift))


def test_points_that_are_not_known_do_not_count() -> None:
    target = SQUARE.copy()
    target[1:] = np.nan
    order = nearest_order(SQUARE, target, orders(4, [(1, 2, 3, 0)]), np.array([1.0, 0, 0, 0]))
    assert order.tolist() == [0, 1, 2, 3]
    assert nearest_order(SQUARE, target, orders(4, ()), np.zeros(4)).tolist() == [0, 1, 2, 3]
