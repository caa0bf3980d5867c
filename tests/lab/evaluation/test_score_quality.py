from __future__ import annotations

import math

import numpy as np
import pytest

from cape_ros.lab.evaluation.score_quality import (
    ScoreQuality,
    auroc,
    calibration_error,
    risk_coverage,
)

pytestmark = pytest.mark.numeric

SCORES = np.array([0.9, 0.8, 0.7, 0.6])
RIGHT = np.array([True, False, True, False])


def test_auroc_is_the_share_of_right_before_wrong_and_ties_count_half() -> None:
    assert auroc(SCORES, RIGHT) == pytest.approx(3 / 4)
    assert auroc(-SCORES, RIGHT) == pytest.approx(1 / 4)
    assert auroc(np.full(4, 0.5), RIGHT) == 0.5
    assert auroc(RIGHT.astype(float), RIGHT) == 1
    assert auroc(np.arange(4), np.array([True, False, False, True])) == 0.5
    assert math.isnan(auroc(SCORES, np.ones(4, bool)))


def test_auroc_is_that_of_scipy() -> None:
    """The statistic of Mann and Whitney, to 1e-6, with ties and without."""
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(0)
    for scores in (rng.random(3000), rng.integers(0, 20, 3000) / 20):
        right = rng.random(3000) < scores
        expected = stats.mannwhitneyu(scores[right], scores[~right]).statistic
        expected /= right.sum() * (~right).sum()
        assert auroc(scores, right) == pytest.approx(expected, abs=1e-6)


def test_a_score_that_is_the_chance_of_being_right_has_no_calibration_error() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random(20000)
    right = rng.random(20000) < scores
    assert calibration_error(scores, right) < 0.02
    assert calibration_error(np.full(10, 0.95), np.zeros(10, bool)) == pytest.approx(0.95)
    assert calibration_error(np.ones(10), np.ones(10, bool)) == 0


def test_risk_grows_with_coverage_and_a_tie_is_in_no_order() -> None:
    coverage, risk = risk_coverage(SCORES, RIGHT)
    assert coverage.tolist() == [0.25, 0.5, 0.75, 1]
    assert risk == pytest.approx([0, 1 / 2, 1 / 3, 1 / 2])
    for right in (RIGHT, RIGHT[::-1]):
        assert risk_coverage(np.full(4, 0.5), right)[1] == pytest.approx([0.5] * 4)


def test_the_area_lies_between_that_of_knowing_all_and_of_knowing_nothing() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random(4000)
    facts = ScoreQuality(scores, rng.random(4000) < scores).facts()
    assert facts["best_risk_area"] < facts["risk_area"] < facts["chance_risk_area"]
    assert facts["chance_risk_area"] == pytest.approx(1 - facts["right"])


def test_nothing_to_judge_is_no_number() -> None:
    facts = ScoreQuality(np.empty(0), np.empty(0, bool)).facts()
    assert facts["points"] == 0
    assert all(math.isnan(value) for key, value in facts.items() if key != "points")
