"""What the shots of a category teach its scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_ros.model.cross_check import (
    TYPICAL_MATCH,
    UNCHECKED,
    Checks,
    CrossCheck,
    fit_match_slope,
    fit_score_slope,
    with_slope,
)

pytestmark = pytest.mark.numeric

chances = st.lists(st.floats(0, 1, width=32), min_size=1, max_size=20).map(
    lambda values: np.array(values, np.float32)
)


def test_nothing_to_check_with_changes_nothing() -> None:
    scores = np.array([0, 0.2, 1], np.float32)
    assert Checks().result() is UNCHECKED
    assert UNCHECKED.scores(scores) is scores
    assert fit_score_slope(np.empty(0), np.empty(0, bool)) == pytest.approx(1)


@given(chances, st.floats(0.3, 3))
def test_a_slope_keeps_chances_chances_and_their_order(scores: np.ndarray, slope: float) -> None:
    made = with_slope(scores, slope)
    assert ((made >= 0) & (made <= 1)).all()
    assert (made[scores == 0] == 0).all()
    assert (np.diff(made[np.argsort(scores)]) >= 0).all()
    np.testing.assert_allclose(with_slope(scores, 1.0), scores, atol=1e-6)


@pytest.mark.parametrize("slope", [0.7, 1.0, 1.6])
def test_a_category_that_is_better_or_worse_than_its_scores_say(slope: float) -> None:
    rng = np.random.default_rng(0)
    scores = rng.uniform(0.1, 0.9, 500)
    right = rng.uniform(size=500) < with_slope(scores, slope)
    checks = Checks()
    for some in np.split(np.arange(500), 5):
        checks.add(scores[some], np.where(right[some], 0.05, 0.15), np.ones(100, bool))
    check = checks.result()
    assert check.score_slope == pytest.approx(slope, rel=0.15)
    assert (check.right, check.judged) == (right.sum(), 500)
    assert check.scores(scores).mean() == pytest.approx(right.mean(), abs=0.04)


def test_few_points_say_little() -> None:
    one = fit_score_slope(np.array([0.5]), np.array([True]))
    many = fit_score_slope(np.full(100, 0.5), np.ones(100, bool))
    assert 1 < one < 1.2 < 1.5 < many


def test_certain_scores_that_are_wrong_are_survived() -> None:
    slope = fit_score_slope(np.array([0.0, 1.0, 1.0]), np.array([True, False, False]))
    assert slope == pytest.approx(1)  # no slope explains them
    assert CrossCheck(slope, slope, 1, 3).scores(np.array([0.0, 1.0])).tolist() == [0, 1]


@pytest.mark.parametrize("score", [0.3, 0.7, 0.97])
def test_objects_of_every_category_match_alike(score: float) -> None:
    five = np.full(5, score)
    slope = fit_match_slope(five)
    assert (
        abs(with_slope(five, slope).mean() - TYPICAL_MATCH) <= abs(score - TYPICAL_MATCH) / 2 + 1e-9
    )
    assert (slope > 1) == (score < TYPICAL_MATCH) or slope == pytest.approx(1)
    assert abs(np.log(fit_match_slope(five[:1]))) <= abs(np.log(slope))
    assert with_slope(np.array([0.05]), slope)[0] < 0.1  # what is not there stays so


@given(chances)
def test_a_match_slope_is_bounded_whatever_is_told(score: np.ndarray) -> None:
    assert 0.3 <= fit_match_slope(score) <= 3.4


def test_a_point_that_is_found_elsewhere_with_certainty_is_doubted() -> None:
    checks, sure = Checks(), np.full(4, 0.97)
    for _ in range(4):
        checks.add(sure, np.full(4, 0.02), np.ones(4, bool))
    unsure = np.array([0.97, 0.97, 0.4, 0.97])
    checks.add(unsure, np.array([0.02, 0.5, 0.5, 0.5]), np.array([True, True, True, False]))
    check = checks.result()
    assert check.doubtful == ((4, 1),)  # not what is unsure, nor what cannot be judged
    assert (check.right, check.judged) == (17, 19)


def test_shots_from_other_sides_do_not_lower_what_one_shot_trusts() -> None:
    """They do not find each other, but a query is nearer to one of them than they are. What the
    shots raise stays raised, and no point is doubted that only the view has moved."""
    scores, far = np.full(6, 0.92), np.full(6, 0.3)
    checks = Checks()
    for _ in range(5):
        checks.add(scores, far, np.ones(6, bool))
    lowered, check = checks.result(), checks.result(by_view=True)
    assert lowered.scores(scores).max() < 0.3
    np.testing.assert_allclose(check.scores(scores), scores)
    assert (check.right, check.judged, check.doubtful) == (0, 30, ())
    assert check.match_slope == lowered.match_slope
    near = Checks()
    for _ in range(5):
        near.add(np.full(6, 0.6), np.full(6, 0.02), np.ones(6, bool))
    assert near.result(by_view=True).score_slope == near.result().score_slope > 1
