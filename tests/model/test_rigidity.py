"""Whether annotations of several shots are those of one rigid object from different sides."""

from __future__ import annotations

import numpy as np
import pytest

from cape_ros.model.rigidity import differ_by_view

pytestmark = pytest.mark.numeric

CLICK = 0.007  # standard deviation of a coordinate, in parts of the box's longer side
ALL = np.ones((5, 10), bool)


def views(degrees: list[float], flat: bool = False, seed: int = 0) -> np.ndarray:
    """[S, K, 2] of ten points in a unit cube that turns about the vertical, as a person clicks."""
    generator = np.random.default_rng(seed)
    points = generator.uniform(-0.5, 0.5, (10, 3)) * ((1, 1, 0) if flat else 1)
    seen = []
    for angle in np.radians(degrees):
        along = points[:, 0] * np.cos(angle) + points[:, 2] * np.sin(angle)
        upright = np.column_stack((along, points[:, 1]))
        seen.append(upright + generator.normal(0, CLICK, upright.shape))
    return np.array(seen)


@pytest.mark.parametrize(
    ("degrees", "flat"),
    [([0, 45], False), ([0, 20, -20], False), ([0, 45, -45, 90, -90], False), ([0, 35, 55], True)],
)
def test_a_rigid_object_from_different_sides(degrees: list[float], flat: bool) -> None:
    for seed in range(10):
        seen = views(degrees, flat, seed)
        assert differ_by_view(seen, ALL[: len(seen)])


def test_points_that_some_sides_do_not_show() -> None:
    seen, known = views([0, 45, -45, 90, -90]), ALL.copy()
    known[3, :3] = known[4, 7:] = known[1, 5] = False
    seen[~known] = np.nan
    assert differ_by_view(seen, known)


def test_shots_from_one_side_differ_by_clicks_only() -> None:
    for seed in range(10):
        assert not differ_by_view(views([0, 0, 0, 0, 0], seed=seed), ALL)
        assert not differ_by_view(views([0, 0], seed=seed), ALL[:2])


def test_an_object_whose_parts_move() -> None:
    for seed in range(10):
        seen = views([0, 45, -45, 90, -90], seed=seed)
        seen += np.random.default_rng(seed).normal(0, 0.05, seen.shape)
        assert not differ_by_view(seen, ALL)


def test_points_that_are_marked_wrongly() -> None:
    for seed in range(10):
        seen = views([0, 45, -45, 90, -90], seed=seed)
        seen[1, [2, 5]] = seen[1, [5, 2]]
        assert not differ_by_view(seen, ALL)


def test_too_few_points_tell_nothing() -> None:
    seen = views([0, 45, -45, 90, -90])
    assert not differ_by_view(seen[:, :4], ALL[:, :4])
    assert not differ_by_view(seen, np.zeros_like(ALL))
    alone = np.zeros_like(ALL)
    alone[0] = True
    assert not differ_by_view(seen, alone)
    assert not differ_by_view(seen[:1], ALL[:1])
