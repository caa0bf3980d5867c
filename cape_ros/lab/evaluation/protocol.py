"""The evaluation protocol of MP-100: pairs, and the metrics PCK, NME, AUC and EPE."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from cape_ros.lab.datasets.mp100 import Dataset

THRESHOLDS = (0.05, 0.1, 0.15, 0.2, 0.25)
AUC_STEPS = 20


def sample_pairs(
    dataset: Dataset, shots: int = 1, queries: int = 15, episodes: int = 200, seed: int = 1
) -> list[tuple[int, ...]]:
    """The release's test pairs, (support, ..., support, query): indices of instances.

    An episode draws shots + queries different objects; all its queries share the shots.
    """
    generator = random.Random(seed)
    pairs: list[tuple[int, ...]] = []
    for category in dataset.categories:
        objects = dataset.of_category(category)
        for _ in range(episodes):
            drawn = generator.sample(objects, shots + queries)
            pairs += [(*drawn[:shots], query) for query in drawn[shots:]]
    return pairs


def compared(dataset: Dataset, pair: Sequence[int]) -> np.ndarray:
    """[K] bool: the keypoints that count, visible in the query and in every support."""
    common: np.ndarray = np.logical_and.reduce([dataset.instances[at].visible for at in pair])
    return common


@dataclass(frozen=True)
class Metrics:
    """Means over pairs. pck: per threshold; nme, auc: in extents of the box; epe: in pixels."""

    pck: dict[float, float]
    nme: float
    auc: float
    epe: float

    @property
    def mpck(self) -> float:
        return sum(self.pck.values()) / len(self.pck)


def evaluate(
    dataset: Dataset,
    pairs: Sequence[Sequence[int]],
    predictions: Sequence[np.ndarray],
    thresholds: Sequence[float] = THRESHOLDS,
) -> Metrics:
    """Score predictions, one [K, 2] in image pixels of the query per pair.

    The error of a point is divided by the query's extent and compared with strict `<`. Points are
    averaged within a pair, then pairs; a pair without a common point counts 0 in every number.
    """
    pixels = []
    relative = []
    for pair, prediction in zip(pairs, predictions, strict=True):
        query = dataset.instances[pair[-1]]
        common = compared(dataset, pair)
        error = np.linalg.norm(prediction[common] - query.keypoints[common], axis=1)
        pixels.append(error)
        relative.append(error / query.extent)

    def mean(values: Iterable[np.ndarray]) -> float:
        return float(np.mean([value.mean() if value.size else 0.0 for value in values]))

    def pck(threshold: float) -> float:
        return mean(error < threshold for error in relative)

    return Metrics(
        {threshold: pck(threshold) for threshold in thresholds},
        mean(relative),
        float(np.mean([pck(step / AUC_STEPS) for step in range(AUC_STEPS)])),
        mean(pixels),
    )
