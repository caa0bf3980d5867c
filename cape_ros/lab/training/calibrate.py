"""Calibrates scores: logistic regression from the network's signals to P(the point is right).

python -m cape_ros.lab.training.calibrate WEIGHTS DATA --out CALIBRATED

Pairs of each annotated category are predicted with one shot and with five, and the same queries
with the support of another category (strangers, where every answer is wrong). A regression then
learns which answers lie within 0.1 of the box's longer side; every category weighs the same. What
the scores are worth is measured on categories left out of the fit, one after another.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from rich.progress import track
from torch import Tensor
from torch.nn import functional as F

from cape_ros.core.errors import InvalidInput, exit_status
from cape_ros.core.plurals import counted
from cape_ros.lab.evaluation.methods import FeatureCache, find
from cape_ros.lab.evaluation.pairs import choose_pairs
from cape_ros.lab.evaluation.score_quality import auroc, calibration_error
from cape_ros.lab.training.batches import annotated
from cape_ros.lab.training.config import DataConfig
from cape_ros.model import checkpoints
from cape_ros.model.scores import Calibration, signals
from cape_ros.perception.geometry import PADDING

CLOSE = 0.1 / PADDING  # of the crop's side; the crop is larger than the box
SHOTS = (1, 5)
STRANGERS = 0.25  # how much they weigh beside the pairs of a category
RIDGE = 1e-3
SEED = 2


@dataclass(frozen=True, eq=False)
class Answers:
    """Of one category at one number of shots: signals [N, S] of every point that can be judged, and
    whether it is right [N]; signals [M, S] of the same queries with strangers."""

    category: int
    shots: int
    signals: Tensor
    right: Tensor
    strangers: Tensor


@torch.inference_mode()
def collect_answers(seen: FeatureCache, category: int, shots: int, pairs: int) -> Answers:
    """At a seeded sample of the pairs of a category."""
    generator = random.Random(f"{SEED}:{category}:{shots}")
    others = [
        key
        for key in seen.dataset.categories
        if key != category and len(seen.dataset.of_category(key)) >= shots
    ]
    collected, right, strange = [], [], []
    for pair in choose_pairs(seen.dataset, category, shots, pairs):
        features, query = seen.features(pair[-1]), seen.view(pair[-1])
        tokens = seen.tokens(pair[:-1])
        answer = find(seen.net, features, tokens)
        judged = (tokens.mask & query.weight.bool())[0]
        away = (answer.points - query.points[0]).norm(dim=-1)
        collected.append(signals(answer.evidence[None], tokens.mask)[0, judged])
        right.append(away[judged] < CLOSE)
        if others:
            objects = seen.dataset.of_category(generator.choice(others))
            tokens = seen.tokens(generator.sample(objects, shots))
            answer = find(seen.net, features, tokens)
            strange.append(signals(answer.evidence[None], tokens.mask)[0, tokens.mask[0]])
    empty = collected[0].new_empty(0, collected[0].shape[-1])
    return Answers(
        category, shots, torch.cat(collected), torch.cat(right), torch.cat(strange or [empty])
    )


def fit_all(answers: Sequence[Answers]) -> Calibration:
    """Fits a calibration to several categories with equal weight."""
    seen, right, weight = [], [], []
    for one in answers:
        seen += [one.signals, one.strangers]
        right += [one.right, one.right.new_zeros(len(one.strangers))]
        for some, share in ((one.signals, 1.0), (one.strangers, STRANGERS)):
            weight.append(torch.full((len(some),), share / max(1, len(some))))
    return fit(torch.cat(seen), torch.cat(right), torch.cat(weight))


def fit(seen: Tensor, right: Tensor, weight: Tensor) -> Calibration:
    """Logistic regression with a little ridge, by LBFGS; the signals are whitened on the way.

    seen [N, S], right [N] bool, weight [N]. Raises `InvalidInput` if nothing can be learned.
    """
    if not right.any() or right.all():
        points = counted(len(right), "point is", "points are")
        reason = f"{int(right.sum())} of {points} right: scores need both kinds"
        raise InvalidInput.of("answers", reason)
    mean, std = seen.mean(dim=0), seen.std(dim=0).clamp(min=1e-6)
    inputs, target = ((seen - mean) / std).double(), right.double()
    share = (weight / weight.mean()).double()
    weights = torch.zeros(inputs.shape[1], dtype=torch.double, requires_grad=True)
    bias = torch.zeros((), dtype=torch.double, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights, bias], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = F.binary_cross_entropy_with_logits(inputs @ weights + bias, target, share)
        loss = loss + RIDGE * weights.square().sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    scaled = weights.detach() / std
    return Calibration(
        tuple(round(float(w), 5) for w in scaled),
        round(float(bias.detach() - (scaled * mean).sum()), 5),
    )


def score(calibration: Calibration, seen: Tensor) -> np.ndarray:
    """The scores [N] of signals [N, S]."""
    return torch.sigmoid(seen @ torch.tensor(calibration.weights) + calibration.bias).numpy()


def quality_left_out(answers: Sequence[Answers]) -> dict[str, dict[str, float | int]]:
    """For each number of shots: the scores of every category by a fit to all others, together.

    swapped: the median score with a stranger's support, as a part of that with the right one; the
    largest of the categories.
    """
    figures: dict[str, dict[str, float | int]] = {}
    generator = np.random.default_rng(SEED)
    for shots in sorted({one.shots for one in answers}):
        scores, right, swapped = [], [], []
        for one in answers:
            if one.shots != shots:
                continue
            fitted = fit_all([other for other in answers if other.category != one.category])
            own = score(fitted, one.signals)
            some = generator.permutation(len(own))[:150]  # none drowns the others
            scores.append(own[some])
            right.append(one.right.numpy()[some])
            if len(own) and len(one.strangers):
                swapped.append(np.median(score(fitted, one.strangers)) / np.median(own))
        pooled, truth = np.concatenate(scores), np.concatenate(right)
        figures[f"{shots} shots"] = {
            "auroc": round(auroc(pooled, truth), 4),
            "calibration_error": round(calibration_error(pooled, truth), 4),
            "right": round(float(truth.mean()), 4),
            "points": len(truth),
            "swapped": round(float(max(swapped, default=float("nan"))), 4),
        }
    return figures


def main(
    weights: Path,
    data: Annotated[Path, typer.Argument(help="Folder with images/ and annotations/.")],
    out: Annotated[Path, typer.Option(help="File to write.")],
    pairs: Annotated[
        int, typer.Option(min=1, help="Of each category and number of shots, at most.")
    ] = 40,
) -> None:
    """Fit the scores of weights to annotated objects."""
    net, facts = checkpoints.load(weights)
    dataset = annotated(DataConfig(data))
    seen = FeatureCache(dataset, net, None, torch.device("cpu"))
    answers = []
    for category in track(dataset.categories, "predicting"):
        objects = len(dataset.of_category(category))
        answers += [collect_answers(seen, category, n, pairs) for n in SHOTS if objects > n]
        seen.forget(set())
    if len({one.category for one in answers}) < 2:
        reason = "two categories with two objects each are needed"
        raise InvalidInput.of(str(data), reason)
    calibration, quality = fit_all(answers), quality_left_out(answers)
    print(quality, calibration)
    checkpoints.save(out, net, facts | calibration.to_facts() | {"calibration_quality": quality})


if __name__ == "__main__":
    sys.exit(exit_status(lambda: typer.run(main)))
