"""Evaluates weights and the training-free baselines on the same pairs, by category."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import track

from cape_ros.lab.baselines.interface import AnyNetwork
from cape_ros.lab.datasets.mp100 import Dataset
from cape_ros.lab.evaluation.methods import WEIGHTS, FeatureCache, answers, numpy
from cape_ros.lab.evaluation.pairs import MOST_PAIRS, Pair, choose_pairs, labels, release_pairs
from cape_ros.lab.evaluation.protocol import THRESHOLDS, Metrics, compared, evaluate
from cape_ros.lab.evaluation.score_quality import ScoreQuality
from cape_ros.lab.evaluation.trials import Examiner, Trials
from cape_ros.model.scores import RIGHT_WITHIN, Calibration
from cape_ros.perception.geometry import Crop

SHOTS = (1, 5)


@dataclass(eq=False)
class CategoryResult:
    """One category at one number of shots, an entry per pair.

    points: method -> [K, 2] image pixels of the query. raw_scores: [K], the scores of the weights
    before the shots checked them. scores: [K], after that.
    """

    category: int
    pairs: Sequence[Pair]
    points: dict[str, list[np.ndarray]]
    raw_scores: list[np.ndarray] = field(default_factory=list)
    scores: list[np.ndarray] = field(default_factory=list)
    trials: Trials = field(default_factory=Trials)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Every answer to every pair; the figures follow from them.

    parts: number of shots -> a part per category, in the order of the data.
    """

    dataset: Dataset
    parts: Mapping[int, Sequence[CategoryResult]]

    @cached_property
    def labels(self) -> dict[int, str]:
        return labels(self.dataset)

    @property
    def methods(self) -> tuple[str, ...]:
        return tuple(next(iter(self.parts.values()))[0].points)

    def metrics(
        self, part: CategoryResult, method: str, thresholds: Sequence[float] = THRESHOLDS
    ) -> Metrics:
        return evaluate(self.dataset, part.pairs, part.points[method], thresholds)

    def curve(self, shots: int, method: str, thresholds: Sequence[float]) -> list[float]:
        """PCK at each threshold, mean of the categories."""
        pcks = [self.metrics(part, method, thresholds).pck for part in self.parts[shots]]
        return [float(np.mean([pck[at] for pck in pcks])) for at in thresholds]

    def errors(self, part: CategoryResult, number: int, method: str = WEIGHTS) -> np.ndarray:
        """Of one pair's common points, as parts of the box's longer side."""
        pair, predicted = part.pairs[number], part.points[method][number]
        query, common = self.dataset.instances[pair[-1]], compared(self.dataset, pair)
        distances: np.ndarray = np.linalg.norm(predicted[common] - query.keypoints[common], axis=1)
        return distances / query.extent

    def quality(self, part: CategoryResult) -> ScoreQuality:
        """The scores of the weights at the points that count."""
        scores = [
            score[compared(self.dataset, pair)]
            for pair, score in zip(part.pairs, part.scores, strict=True)
        ]
        errors = [self.errors(part, number) for number in range(len(part.pairs))]
        return ScoreQuality(np.concatenate(scores), np.concatenate(errors) < RIGHT_WITHIN)

    def all_quality(self, shots: int) -> ScoreQuality:
        return ScoreQuality.join([self.quality(part) for part in self.parts[shots]])

    def all_trials(self, shots: int) -> Trials:
        joined = Trials()
        for part in self.parts[shots]:
            joined.add(part.trials)
        return joined


def compare(
    dataset: Dataset,
    net: AnyNetwork,
    facts: Mapping[str, Any],
    *,
    imagenet: Path | None = None,
    shots: Sequence[int] = SHOTS,
    most_pairs: int = MOST_PAIRS,
    as_released: bool = False,
    device: torch.device | None = None,
) -> Evaluation:
    """Every method on the same pairs, and the trials of the scores.

    facts: of the checkpoint, for its calibration. imagenet: ResNet-18 weights of the nearest
    neighbour. as_released: the pairs of MP-100's protocol. Raises `InvalidInput` for data with too
    few objects, `CheckpointError`.
    """
    pairs = {count: choose(dataset, count, most_pairs, as_released) for count in shots}
    calibration = Calibration.from_facts(facts)
    seen = FeatureCache(dataset, net, imagenet, device or torch.device("cpu"))
    examiner = Examiner(seen, calibration)
    parts: dict[int, list[CategoryResult]] = {count: [] for count in shots}
    total = len(dataset.categories) * len(shots)
    for category, count in track(
        [(category, count) for category in dataset.categories for count in shots],
        "matching",
        total,
        transient=True,
    ):
        part = answer(seen, category, pairs[count][category], calibration)
        part.scores = [
            seen.check(pair[:-1], calibration).scores(raw_scores)
            for pair, raw_scores in zip(part.pairs, part.raw_scores, strict=True)
        ]
        part.trials = examiner.examine(category, count, part.pairs)
        parts[count].append(part)
        if count == shots[-1]:
            seen.forget(examiner.kept)
    return Evaluation(dataset, parts)


def choose(
    dataset: Dataset, shots: int, most: int = MOST_PAIRS, as_released: bool = False
) -> dict[int, list[Pair]]:
    """Pairs of every category. Raises `InvalidInput` for data with too few objects."""
    if as_released:
        return release_pairs(dataset, shots)
    return {key: choose_pairs(dataset, key, shots, most) for key in dataset.categories}


def answer(
    seen: FeatureCache, category: int, pairs: Sequence[Pair], calibration: Calibration
) -> CategoryResult:
    """Every method's answers to pairs of a category, their scores not yet checked."""
    part = CategoryResult(category, pairs, {method: [] for method in seen.methods})
    for pair in pairs:
        crop = Crop.of_box(seen.dataset.instances[pair[-1]].box, seen.net.config.image_size)
        predicted, raw_scores = answers(seen, pair, calibration)
        for method, points in predicted.items():
            part.points[method].append(crop.to_image(numpy(points)))
        part.raw_scores.append(numpy(raw_scores))
    return part
