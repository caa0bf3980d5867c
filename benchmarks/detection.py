"""Are all instances detected, and nothing else? python benchmarks/detection.py FOLDER

FOLDER holds scenes that were rendered from meshes which nothing is trained on:
cape lab render FURNITURE FOLDER --kind scenes --part held-out --photographs PHOTOGRAPHS

Each object is registered from one picture. A detection is right if its visible keypoints are on the
mean closer to an instance than 0.2 of its box, one to one. Instances that are covered by more than
half or show fewer than three of the registered points count neither as missed nor as found.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table
from rig.rendered import BANDS, LEAST, RenderedObject, errors, rendered_objects

from cape_ros.lab.datasets.rendered.views import InstanceTruth
from cape_ros.perception.estimator import Estimator
from cape_ros.perception.objects import ObjectKeypoints

RIGHT_WITHIN = 0.2  # mean error, part of the box
LEAST_SHOWN = 0.5
SIZES = (0, 80, 120, 180, 1000)  # pixels of a box's longer side
WORST = 8  # objects that are named
MOST = 8  # instances that are asked for


@dataclass(frozen=True)
class Outcome:
    """One instance of a scene. error: mean of its visible points where it was found, part of its
    box. size: longer side of its box, pixels."""

    object: str
    band: int
    angle: float
    size: float
    found: bool
    error: float | None


@dataclass(frozen=True)
class SceneOutcome:
    """One scene. wrong: detections that are no instance. ignored: instances that do not count."""

    object: str
    band: int
    table: bool
    instances: int
    found: int
    wrong: int
    ignored: int
    seconds: float


def judge(
    answers: Sequence[ObjectKeypoints], truths: Sequence[InstanceTruth]
) -> tuple[list[float | None], int]:
    """The mean error of each instance, None = not found, and how many detections are none."""
    near = []
    for number, answer in enumerate(answers):
        for at, truth in enumerate(truths):
            away = errors(answer.keypoints, truth)
            error = float(np.nanmean(away)) if truth.visible.any() else np.inf
            if error < RIGHT_WITHIN:
                near.append((error, number, at))
    matched: dict[int, float] = {}
    used: set[int] = set()
    for error, number, at in sorted(near):
        if number not in used and at not in matched:
            used.add(number)
            matched[at] = error
    return [matched.get(at) for at in range(len(truths))], len(answers) - len(used)


def counts(truth: InstanceTruth) -> bool:
    return truth.shown >= LEAST_SHOWN and int(truth.visible.sum()) >= LEAST


def measure(
    estimator: Estimator, thing: RenderedObject
) -> tuple[list[Outcome], list[SceneOutcome]]:
    category = thing.category([0])
    outcomes, scenes = [], []
    for at in range(1, len(thing.rows)):
        row, truths, image = thing.rows[at], thing.truths(at), thing.image(at)
        began = time.perf_counter()
        (answers,) = estimator.detect(image, [category], most=MOST)
        seconds = time.perf_counter() - began
        found, wrong = judge(answers, truths)
        band = [low for low, _ in BANDS].index(row["band"][0])
        here = [
            Outcome(thing.id, band, angle, max(truth.box[2:]), error is not None, error)
            for truth, angle, error in zip(truths, row["angles"], found, strict=True)
            if counts(truth)
        ]
        outcomes += here
        right = sum(one.found for one in here)
        ignored = len(truths) - len(here)
        scenes.append(
            SceneOutcome(thing.id, band, row["table"], len(here), right, wrong, ignored, seconds)
        )
    return outcomes, scenes


def recall(outcomes: Sequence[Outcome]) -> float:
    return float(np.mean([one.found for one in outcomes])) if outcomes else float("nan")


def precision(scenes: Sequence[SceneOutcome]) -> float:
    right, wrong = sum(one.found for one in scenes), sum(one.wrong for one in scenes)
    return right / (right + wrong) if right + wrong else float("nan")


def show(outcomes: Sequence[Outcome], scenes: Sequence[SceneOutcome]) -> dict[str, object]:
    """Print the tables; what they say, for JSON."""
    by_angle = Table("camera moved by", "scenes", "instances", "recall", "precision", "mean error")
    facts: list[dict[str, object]] = []
    for number, (low, high) in enumerate(BANDS):
        some = [one for one in outcomes if one.band == number]
        there = [one for one in scenes if one.band == number]
        error = [one.error for one in some if one.error is not None]
        row = {
            "degrees": [low, min(high, 90)],
            "scenes": len(there),
            "instances": len(some),
            "recall": recall(some),
            "precision": precision(there),
            "mean_error": float(np.mean(error)) if error else float("nan"),
        }
        facts.append(row)
        by_angle.add_row(
            f"{low} to {min(high, 90)} degrees",
            str(len(there)),
            str(len(some)),
            f"{row['recall']:.3f}",
            f"{row['precision']:.3f}",
            f"{row['mean_error']:.3f}",
        )
    by_size = Table("longer side of the box", *(f"recall {a}-{min(b, 90)}°" for a, b in BANDS))
    sizes = []
    for least, most in pairwise(SIZES):
        rows = [
            [one for one in outcomes if one.band == number and least <= one.size < most]
            for number in range(len(BANDS))
        ]
        sizes.append({"pixels": [least, most], "recall": [recall(some) for some in rows]})
        cells = [f"{recall(some):.2f} of {len(some)}" if some else "" for some in rows]
        by_size.add_row(f"{least} to {most} px", *cells)
    near = [one for one in outcomes if one.band == 0]
    each = {
        name: recall([one for one in near if one.object == name])
        for name in sorted({one.object for one in near})
    }
    worst = sorted(each, key=lambda name: each[name])[:WORST]
    empty = [one for one in scenes if one.instances + one.ignored == 0]
    console = Console()
    console.print(by_angle, by_size)
    console.print("worst up to 20 degrees: " + ", ".join(f"{n} {each[n]:.2f}" for n in worst))
    false_in_empty = sum(one.wrong for one in empty)
    console.print(
        f"{len(empty)} scenes without the object: {false_in_empty} detections; "
        f"{np.mean([one.seconds for one in scenes]):.2f} s a scene"
    )
    return {
        "by_angle": facts,
        "by_size": sizes,
        "recall_of_objects": each,
        "scenes_without": len(empty),
        "detections_in_scenes_without": false_in_empty,
    }


def main(
    folder: Annotated[Path, typer.Argument(help="Of cape lab render --kind scenes.")],
    weights: str = "shipped",
    device: str = "auto",
    most: Annotated[int | None, typer.Option(help="Objects, the first so many.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all of it here.")] = None,
) -> None:
    """Are all instances detected, and nothing else?"""
    estimator = Estimator.load(weights, device)
    outcomes: list[Outcome] = []
    scenes: list[SceneOutcome] = []
    for thing in track(list(rendered_objects(folder, "scenes", most)), "detecting", transient=True):
        more, there = measure(estimator, thing)
        outcomes += more
        scenes += there
    summary = show(outcomes, scenes)
    if json_file:
        details = {"instances": [*map(asdict, outcomes)], "scenes": [*map(asdict, scenes)]}
        json_file.write_text(json.dumps({**summary, **details}, indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)
