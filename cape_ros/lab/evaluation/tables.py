"""The figures of an evaluation as tables for a terminal and as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from cape_ros.lab.evaluation.evaluate import Evaluation
from cape_ros.lab.evaluation.methods import NEAREST

SHOWN = (0.05, 0.1, 0.2)
MEAN = "mean"
COLUMNS = (*(f"PCK@{threshold}" for threshold in SHOWN), "mPCK")
Row = dict[str, float]
SCORES_EXPLAINED = (
    "swapped, empty: median score with a support of another category, and in a picture without "
    "the object / with the right support."
)
WITHOUT_NEIGHBOUR = (
    f"The {NEAREST} is left out: give --imagenet RESNET18.pth. Features of the weights' own "
    "backbone would not do, since the same data trained them."
)


def left_out(evaluation: Evaluation) -> list[str]:
    """What was not measured, and why, a sentence each."""
    sentences = [] if NEAREST in evaluation.methods else [WITHOUT_NEIGHBOUR]
    if len(evaluation.dataset.categories) < 2:
        sentences.append("Swapped supports are left out: they need a second category.")
    if not any(part.trials.empty for parts in evaluation.parts.values() for part in parts):
        sentences.append("Empty boxes are left out: no image has room beside its objects.")
    return sentences


def summarise(evaluation: Evaluation, shots: int, method: str) -> dict[str, Row]:
    """category, and "mean" of the categories -> PCK@..., mPCK in percent."""
    rows: dict[str, Row] = {}
    for part in evaluation.parts[shots]:
        metrics = evaluation.metrics(part, method)
        rows[evaluation.labels[part.category]] = {
            f"PCK@{t}": 100 * metrics.pck[t] for t in SHOWN
        } | {"mPCK": 100 * metrics.mpck}
    numbers = list(rows.values())
    rows[MEAN] = {key: sum(row[key] for row in numbers) / len(numbers) for key in numbers[0]}
    return rows


def results(evaluation: Evaluation) -> dict[str, dict[str, dict[str, Row]]]:
    """The numbers by method, then "1-shot" ..., then category."""
    return {
        method: {
            f"{shots}-shot": summarise(evaluation, shots, method) for shots in evaluation.parts
        }
        for method in evaluation.methods
    }


def score_facts(evaluation: Evaluation) -> dict[str, dict[str, Any]]:
    """The quality of the scores by "1-shot" ..., then category; "all": of all points together."""
    return {
        f"{shots}-shot": {
            evaluation.labels[part.category]: evaluation.quality(part).facts() | part.trials.facts()
            for part in parts
        }
        | {"all": evaluation.all_quality(shots).facts() | evaluation.all_trials(shots).facts()}
        for shots, parts in evaluation.parts.items()
    }


def content(evaluation: Evaluation, facts: Mapping[str, Any]) -> dict[str, Any]:
    """What the JSON file holds; a number that does not exist is null."""
    whole: dict[str, Any] = _without_nan(
        {
            "results": results(evaluation),
            "scores": score_facts(evaluation),
            "pairs": {
                f"{shots}-shot": {
                    evaluation.labels[part.category]: len(part.pairs) for part in parts
                }
                for shots, parts in evaluation.parts.items()
            },
            "left_out": left_out(evaluation),
            "facts": dict(facts),
        }
    )
    return whole


def show(evaluation: Evaluation, console: Console) -> None:
    found = results(evaluation)
    for shots in evaluation.parts:
        name = f"{shots}-shot"
        table = Table("category", "method", *COLUMNS, title=name)
        for category in next(iter(found.values()))[name]:
            for method, rows in found.items():
                numbers = (f"{value:.1f}" for value in rows[name][category].values())
                table.add_row(category, method, *numbers)
            table.add_section()
        console.print(table)
    for name, of_category in score_facts(evaluation).items():
        console.print(_score_table(name, of_category))
    console.print(SCORES_EXPLAINED)
    for sentence in left_out(evaluation):
        console.print(sentence)


def _score_table(shots: str, rows: Mapping[str, Any]) -> Table:
    table = Table(title=f"{shots}, scores: P(error < 0.1 of the box)")
    table.add_column("category", overflow="fold")
    for name in ("right", "AUROC", "ECE", "risk", "best", "swapped", "empty"):
        table.add_column(name, no_wrap=True)
    for category, row in rows.items():
        keys = ("right", "auroc", "calibration_error", "risk_area", "best_risk_area")
        trials = [
            f"{trial['median']:.2f}/{trial['median_right']:.2f}" if trial else "-"
            for trial in (row.get("swapped"), row.get("empty"))
        ]
        table.add_row(category, *(three_digits(row[key]) for key in keys), *trials)
    return table


def three_digits(value: float) -> str:
    """Three digits; a dash for a figure that does not exist, as the AUROC if all are right."""
    return "-" if math.isnan(value) else f"{value:.3f}"


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(one) for key, one in value.items()}
    if isinstance(value, float) and math.isnan(value):
        return None
    return value
