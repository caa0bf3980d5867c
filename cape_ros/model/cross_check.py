"""Leave-one-out calibration: each shot is predicted from the others, and its annotated keypoints
tell which predictions are right.

The scores are calibrated on other categories, and a category as a whole can be far off: of a duck's
points 88 of 100 are right where the scores say 50. A slope mends that (the calibration slope of
statistics): the logits of its scores are stretched away from, or drawn towards, those of an object
that is not there, which stay. Another one makes objects of every category match alike, so that the
same threshold tells whether one is there. Not part of the paper.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from cape_ros.model.scores import RIGHT_WITHIN

PIVOT = -3.0  # logit of a point that is not there
SPREAD = 0.3  # standard deviation of the logarithm of a slope; over 12 categories it is 0.36
SLOPES = np.exp(np.linspace(-4, 4, 161) * SPREAD)
TYPICAL_MATCH = 0.7  # of an object that is there, after the slope; also the prior of a single shot
MOST_CHECKED = 5  # shots; more add little
OUTLIER_DISTANCE = 0.2  # of the box's longer side
CERTAIN = 0.9  # score of a point that is astray: of 84 clean sets of shots it doubts 5
EPS = 1e-6  # chance of anything


@dataclass(frozen=True)
class CrossCheck:
    """right: how many of the `judged` points lie within `RIGHT_WITHIN` of the box's longer side.
    doubtful: (shot, keypoint) predicted elsewhere with a high score; may be annotated wrongly.
    One shot alone checks nothing."""

    score_slope: float = 1.0
    match_slope: float = 1.0
    right: int = 0
    judged: int = 0
    doubtful: tuple[tuple[int, int], ...] = ()

    def scores(self, score: np.ndarray) -> np.ndarray:
        """The chance of each point to be right, from the network's scores [K]."""
        return with_slope(score, self.score_slope) if self.judged else score

    def matches(self, score: np.ndarray) -> np.ndarray:
        """The confidence by keypoint that the object is there, from the network's scores [K]."""
        return with_slope(score, self.match_slope) if self.judged else score


UNCHECKED = CrossCheck()


@dataclass
class Checks:
    """Collects the leave-one-out predictions of the shots."""

    _shots: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = field(default_factory=list)

    def add(self, score: np.ndarray, away: np.ndarray, judged: np.ndarray) -> None:
        """The next shot: the network's scores of its keypoints, [K] in [0, 1]; how far from their
        places it finds them, [K], in parts of the box's longer side; which can be judged [K]."""
        self._shots.append((score, away, judged))

    def result(self, by_view: bool = False) -> CrossCheck:
        """Fits the slopes to all shots that were added; `UNCHECKED` if no point can be judged.

        by_view: shots differ by the view of a rigid object. A query is then nearer to one of them
            than they are to each other, so that what they do not find of each other says little of
            it: scores are not lowered.
        """
        seen = [
            (score[judged], away[judged]) for score, away, judged in self._shots if judged.any()
        ]
        if not seen:
            return UNCHECKED
        score, away = (np.concatenate(each) for each in zip(*seen, strict=True))
        right = away < RIGHT_WITHIN
        slope = fit_score_slope(score, right)
        objects = np.array([one.mean() for one, _ in seen])
        return CrossCheck(
            max(slope, 1.0) if by_view else slope,
            fit_match_slope(objects),
            int(right.sum()),
            len(right),
            self._doubtful(slope),
        )

    def _doubtful(self, slope: float) -> tuple[tuple[int, int], ...]:
        return tuple(
            (shot, int(keypoint))
            for shot, (score, away, judged) in enumerate(self._shots)
            for keypoint in np.flatnonzero(judged & (away > OUTLIER_DISTANCE))
            if with_slope(score[keypoint], slope) >= CERTAIN
        )


def fit_score_slope(score: np.ndarray, right: np.ndarray) -> float:
    """The slope with which scores [N] say how many of the points are right [N] bool: the geometric
    mean of what is to be believed of it. 1 without any point."""
    chance = with_slope(score, SLOPES[:, None]).clip(EPS, 1 - EPS)
    likelihood = np.where(right, np.log(chance), np.log1p(-chance)).sum(axis=1)
    belief = likelihood - (np.log(SLOPES) / SPREAD) ** 2 / 2
    weight = np.exp(belief - belief.max())
    return float(np.exp(weight @ np.log(SLOPES) / weight.sum()))


def fit_match_slope(score: np.ndarray) -> float:
    """The slope with which objects that are there, whose mean scores are `score` [N], and one more
    at `TYPICAL_MATCH` have that match on average; near 1 if they are few."""
    above = logit(np.append(score, TYPICAL_MATCH).clip(EPS, 1 - EPS)) - PIVOT
    slope = (logit(np.array(TYPICAL_MATCH)) - PIVOT) / max(above.mean(), EPS)
    return float(np.clip(slope, SLOPES[0], SLOPES[-1]))


def with_slope(score: np.ndarray, slope: np.ndarray | float) -> np.ndarray:
    """Rescale probabilities by a calibration slope around PIVOT; broadcasts. 0 stays 0."""
    with np.errstate(divide="ignore", over="ignore"):
        return 1 / (1 + np.exp(-PIVOT - slope * (logit(score) - PIVOT)))


def logit(chance: np.ndarray) -> np.ndarray:
    """The log-odds of probabilities [...]; -inf at 0, inf at 1."""
    odds: np.ndarray = np.log(chance) - np.log1p(-chance)
    return odds
