"""Shots of a category check its scores: each is looked at with all the others, and as its
keypoints are known, so is which of the answers are right.

The scores are calibrated on other categories, and a category as a whole can be far off: of a duck's
points 88 of 100 are right where the scores say 50. Its slope mends that (the calibration slope of
statistics): the logits of its scores are stretched away from, or drawn towards, those of an object
that is not there, which stay. Not part of the paper.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

PIVOT = -3.0  # logit of a point that is not there
SPREAD = 0.3  # standard deviation of the logarithm of a slope; over 12 categories it is 0.36
SLOPES = np.exp(np.linspace(-4, 4, 161) * SPREAD)
MOST_CHECKED = 5  # shots; more tell little
LEAST = 1e-6  # chance of anything


@dataclass(frozen=True)
class CrossCheck:
    """slope: of the category's scores. right: how many of the `judged` points lie within 0.1 of the
    box's longer side. One shot alone checks nothing."""

    slope: float = 1.0
    right: int = 0
    judged: int = 0

    def scores(self, matches: np.ndarray) -> np.ndarray:
        """What scores [K], as the network gives them, become."""
        return with_slope(matches, self.slope) if self.judged else matches


UNCHECKED = CrossCheck()


@dataclass
class Checks:
    """Collects what is found of each shot with the help of the others."""

    _scores: list[np.ndarray] = field(default_factory=list)
    _right: list[np.ndarray] = field(default_factory=list)

    def add(self, scores: np.ndarray, right: np.ndarray) -> None:
        """Of the points of one shot that can be judged: [N] in [0, 1] and [N] bool."""
        self._scores.append(scores)
        self._right.append(right)

    def result(self) -> CrossCheck:
        if not self._scores:
            return UNCHECKED
        scores, right = np.concatenate(self._scores), np.concatenate(self._right)
        return CrossCheck(fit_slope(scores, right), int(right.sum()), len(right))


def fit_slope(scores: np.ndarray, right: np.ndarray) -> float:
    """The slope with which scores [N] say how many of the points are right [N] bool: the geometric
    mean of what is to be believed of it. 1 without any point."""
    chance = with_slope(scores, SLOPES[:, None]).clip(LEAST, 1 - LEAST)
    likelihood = np.where(right, np.log(chance), np.log1p(-chance)).sum(axis=1)
    belief = likelihood - (np.log(SLOPES) / SPREAD) ** 2 / 2
    weight = np.exp(belief - belief.max())
    return float(np.exp(weight @ np.log(SLOPES) / weight.sum()))


def with_slope(scores: np.ndarray, slope: np.ndarray | float) -> np.ndarray:
    """Scores in [0, 1], as their category's slope makes them; both broadcast. 0 stays 0."""
    with np.errstate(divide="ignore", over="ignore"):
        logits = np.log(scores) - np.log1p(-scores)
        return 1 / (1 + np.exp(-PIVOT - slope * (logits - PIVOT)))
