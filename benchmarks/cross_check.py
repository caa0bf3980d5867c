"""What is it worth that shots of a category check each other? python benchmarks/cross_check.py DATA

Sets of shots of every category of DATA's annotations, trained on or not; then objects that the set
does not hold, and objects of other categories. Scores are calibrated on the other categories of
train.json; figures without the check stand beside those with it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from cape_ros.lab.evaluation.methods import FeatureCache, find, numpy
from cape_ros.lab.evaluation.score_quality import auroc, calibration_error
from cape_ros.lab.training.batches import annotated
from cape_ros.lab.training.calibrate import SHOTS, Answers, collect_answers, fit_all
from cape_ros.lab.training.config import DataConfig
from cape_ros.model import checkpoints
from cape_ros.model.cross_check import UNCHECKED, CrossCheck
from cape_ros.model.scores import RIGHT_WITHIN, Calibration
from cape_ros.model.weights import SHIPPED
from cape_ros.perception.geometry import PADDING
from cape_ros.perception.trust import Trust

SEED = 3
MOST_OF_CATEGORY = 300  # points that count in the AUROC: none drowns the others


@dataclass
class Samples:
    """Of one category with one number of shots, without (False) and with the check."""

    scores: dict[bool, list[np.ndarray]] = field(default_factory=lambda: {False: [], True: []})
    right: list[np.ndarray] = field(default_factory=list)
    own: dict[bool, list[bool]] = field(default_factory=lambda: {False: [], True: []})
    strange: dict[bool, list[bool]] = field(default_factory=lambda: {False: [], True: []})


class Trial:
    """One category: its calibration has not seen it."""

    def __init__(self, seen: FeatureCache, category: int, calibration: Calibration):
        self._seen, self._category, self._calibration = seen, category, calibration
        self._others = [key for key in seen.dataset.categories if key != category]

    def run(self, shots: int, sets: int, queries: int) -> Samples:
        generator = random.Random(f"{SEED}:{self._category}:{shots}")
        objects, samples = self._seen.dataset.of_category(self._category), Samples()
        for _ in range(sets):
            drawn = generator.sample(objects, min(shots + queries, len(objects)))
            support, rest = drawn[:shots], drawn[shots:]
            check = self._seen.check(support, self._calibration)
            for query in rest:
                self._own(samples, support, query, check)
            for _ in rest:
                other = self._seen.dataset.of_category(generator.choice(self._others))
                raw_scores, _ = self._predict(support, generator.choice(other))
                for checked, by in ((False, UNCHECKED), (True, check)):
                    samples.strange[checked].append(_is_reported(by, raw_scores))
            self._seen.forget(())
        return samples

    def _own(self, samples: Samples, support: Sequence[int], query: int, check: CrossCheck) -> None:
        raw_scores, points = self._predict(support, query)
        truth = self._seen.view(query)
        seen = numpy(truth.weight[0]) * (raw_scores > 0) > 0
        away = np.linalg.norm(points - numpy(truth.points[0]), axis=1) * PADDING
        samples.right.append(away[seen] < RIGHT_WITHIN)
        for checked, by in ((False, UNCHECKED), (True, check)):
            samples.scores[checked].append(by.scores(raw_scores)[seen])
            samples.own[checked].append(_is_reported(by, raw_scores))

    def _predict(self, support: Sequence[int], query: int) -> tuple[np.ndarray, np.ndarray]:
        tokens = self._seen.tokens(support)
        answer = find(self._seen.net, self._seen.features(query), tokens)
        raw_scores = self._calibration(answer.evidence[None], tokens.mask)[0]
        return numpy(raw_scores), numpy(answer.points)


def _is_reported(check: CrossCheck, raw_scores: np.ndarray) -> bool:
    known = raw_scores > 0
    return bool(
        known.any() and check.matches(raw_scores[known]).mean() >= Trust().presence_threshold
    )


def estimate_all(seen: FeatureCache, pairs: int) -> list[Answers]:
    """What calibrations are fitted to."""
    answers: list[Answers] = []
    for category in track(seen.dataset.categories, "calibrating", transient=True):
        answers += [collect_answers(seen, category, shots, pairs) for shots in SHOTS]
        seen.forget(())
    return answers


def summary(samples: Sequence[Samples], checked: bool) -> list[float]:
    """Calibration error of a category, mean and worst; AUROC of all; percent of objects that are
    reported, and of strangers."""
    generator = np.random.default_rng(SEED)
    errors, scores, right = [], [], []
    for one in samples:
        raw_scores, truth = np.concatenate(one.scores[checked]), np.concatenate(one.right)
        errors.append(calibration_error(raw_scores, truth))
        some = generator.permutation(len(raw_scores))[:MOST_OF_CATEGORY]
        scores.append(raw_scores[some])
        right.append(truth[some])
    return [
        float(np.mean(errors)),
        max(errors),
        auroc(np.concatenate(scores), np.concatenate(right)),
        100 * float(np.mean([np.mean(one.own[checked]) for one in samples])),
        100 * float(np.mean([np.mean(one.strange[checked]) for one in samples])),
    ]


def main(
    data: Annotated[Path, typer.Argument(help="Folder with images/ and annotations/.")],
    weights: Path = SHIPPED,
    numbers: Annotated[
        list[int] | None, typer.Option("--shots", help="Once for each; else 2, 3 and 5.")
    ] = None,
    sets: Annotated[int, typer.Option(help="Of shots, of each category.")] = 8,
    queries: Annotated[int, typer.Option(help="Of each set, and as many strangers.")] = 8,
    pairs: Annotated[int, typer.Option(help="Of a category, to calibrate on.")] = 16,
) -> None:
    """What is it worth that shots of a category check each other?"""
    net, _ = checkpoints.load(weights)
    trials = []
    for file in ("train", "val"):
        dataset = annotated(DataConfig(data, annotations=f"annotations/{file}.json"))
        seen = FeatureCache(dataset, net, None, torch.device("cpu"))
        if file == "train":
            answers = estimate_all(seen, pairs)
        for category in dataset.categories:
            others = [a for a in answers if file == "val" or a.category != category]
            trials.append(Trial(seen, category, fit_all(others)))
    table = Table("shots", "checked", "error", "worst", "AUROC", "reported %", "strangers %")
    for shots in numbers or (2, 3, 5):
        samples = [
            trial.run(shots, sets, queries)
            for trial in track(trials, f"{shots} shots", transient=True)
        ]
        for checked in (False, True):
            figures = summary(samples, checked)
            words = [f"{one:.3f}" for one in figures[:3]] + [f"{one:.1f}" for one in figures[3:]]
            table.add_row(str(shots), "yes" if checked else "no", *words)
        table.add_section()
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
