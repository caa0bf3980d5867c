"""Quality of the scores: discrimination (AUROC) and calibration (reliability, ECE).

A point is right if it lies within 0.1 of the box's longer side, which the scores are calibrated to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BINS = 10


def auroc(scores: np.ndarray, right: np.ndarray) -> float:
    """The chance that a right point scores higher than a wrong one, ties half; NaN if all are one.

    scores [N], right [N] bool.
    """
    positives = int(right.sum())
    negatives = len(right) - positives
    if not positives or not negatives:
        return float("nan")
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place]
    return float((ranks[right].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def calibration_bins(
    scores: np.ndarray, right: np.ndarray, bins: int = BINS
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per bin of equal width: mean score, share of right points (NaN if empty), points in it."""
    place = np.minimum((scores * bins).astype(int), bins - 1)
    count = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(place, scores, bins) / count
        share = np.bincount(place, right, bins) / count
    return mean, share, count


def calibration_error(scores: np.ndarray, right: np.ndarray, bins: int = BINS) -> float:
    """Expected calibration error: |mean score - share of right points|, averaged over points."""
    if not len(scores):
        return float("nan")
    mean, share, count = calibration_bins(scores, right, bins)
    return float(np.nansum(np.abs(mean - share) * count) / count.sum())


def risk_coverage(scores: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coverage [N] (the share of points that are kept, best scores first) and the share of wrong
    ones among them [N]; points of one score count as half kept together, in any order."""
    if not len(scores):
        return np.empty(0), np.empty(0)
    order = np.argsort(-scores, kind="stable")
    _, group, count = np.unique(-scores[order], return_inverse=True, return_counts=True)
    wrong = (np.bincount(group, ~right[order]) / count)[group]  # of a tie, the mean of the tied
    kept = np.arange(1, len(scores) + 1)
    return kept / len(scores), np.cumsum(wrong) / kept


def area(values: np.ndarray) -> float:
    """Mean risk over all coverages: the area below the curve."""
    return float(values.mean()) if len(values) else float("nan")


@dataclass(frozen=True, eq=False)
class ScoreQuality:
    """Scores [N] of points, and whether each is right [N] bool."""

    scores: np.ndarray
    right: np.ndarray

    def facts(self) -> dict[str, float | int]:
        """risk_area: of the risk-coverage curve; best_risk_area: with an all-knowing score;
        chance_risk_area: with scores that say nothing."""
        _, risk = risk_coverage(self.scores, self.right)
        _, best = risk_coverage(self.right.astype(float), self.right)
        return {
            "points": len(self.scores),
            "right": float(self.right.mean()) if len(self.right) else float("nan"),
            "auroc": auroc(self.scores, self.right),
            "calibration_error": calibration_error(self.scores, self.right),
            "risk_area": area(risk),
            "best_risk_area": area(best),
            "chance_risk_area": 1 - float(self.right.mean()) if len(self.right) else float("nan"),
        }

    @classmethod
    def join(cls, parts: list[ScoreQuality]) -> ScoreQuality:
        return cls(
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.right for part in parts]),
        )
