"""Do still points stand still, and moving ones not lag? python benchmarks/smoothing.py

One object on a photograph, with the noise of a camera: at rest, at constant speed, to and fro. The
published keypoints are compared with the truth and with those measured in the same images.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from rig.crossing import Instance, Place, Scene

from cape_ros.perception.estimator import Estimator
from cape_ros.perception.objects import ObjectKeypoints
from cape_ros.perception.tracking import Tracker, TrackingSettings, track_ids

SECONDS = 10
SETTLED = 1.0  # [s] from the beginning are not counted


def at_rest(time: float) -> Place:
    return 320.0, 240.0, 10.0


def straight(speed: float) -> Scene:
    return Scene(Instance(lambda time: (100 + speed * time, 240.0, 0.0)))


def to_and_fro(period: float) -> Scene:
    def path(time: float) -> Place:
        return 320 + 150 * np.sin(2 * np.pi * time / period), 240.0, 0.0

    return Scene(Instance(path))


SCENES = {
    "at rest": Scene(Instance(at_rest)),
    "10 px/s": straight(10),
    "40 px/s": straight(40),
    "to and fro in 8 s": to_and_fro(8),
    "to and fro in 4 s": to_and_fro(4),
}


def jitter(points: Sequence[np.ndarray], truths: Sequence[np.ndarray]) -> float:
    """Median distance [px] from image to image of what remains without the true motion."""
    errors = np.stack(points) - np.stack(truths)
    return float(np.median(np.linalg.norm(np.diff(errors, axis=0), axis=-1)))


def lag(points: Sequence[np.ndarray], truths: Sequence[np.ndarray], period: float) -> float:
    """[s] by which the points are late: the shift of the truth in time that fits them best."""
    truth = np.stack(truths)
    velocity = np.gradient(truth, period, axis=0)
    errors = np.stack(points) - truth
    errors -= np.median(errors, axis=0)  # what a keypoint is off all the time is no lag
    moving = (velocity**2).sum()
    return float(-(errors * velocity).sum() / moving) if moving > 1 else 0.0


def measure(
    estimator: Estimator, scene: Scene, settings: TrackingSettings, rate: float
) -> dict[str, float]:
    category = scene.category
    estimator.register(category)
    tracker = Tracker(estimator, track_ids())
    objects: list[ObjectKeypoints] = []
    truths: list[np.ndarray] = []
    for stamp, image, (truth,) in scene.frames(round(SECONDS * rate), rate):
        found = tracker.estimate(image, {category.name: category}, settings, stamp)
        if stamp >= SETTLED and len(found) == 1 and not found[0].predicted:
            objects.append(found[0])
            truths.append(truth.keypoints)
    raw = [each.keypoints if each.measured is None else each.measured for each in objects]
    smooth = [each.keypoints for each in objects]
    added = lag(smooth, truths, 1 / rate) - lag(raw, truths, 1 / rate)
    return {
        "images": len(objects),
        "jitter measured": jitter(raw, truths),
        "jitter": jitter(smooth, truths),
        "error measured": float(np.median(np.linalg.norm(np.subtract(raw, truths), axis=-1))),
        "error": float(np.median(np.linalg.norm(np.subtract(smooth, truths), axis=-1))),
        "added lag": added * rate,
    }


def main(
    weights: str = "shipped",
    device: str = "auto",
    rate: Annotated[float, typer.Option(help="Images per second.")] = 10.0,
    smoothing: float = 1.0,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the figures here.")
    ] = None,
) -> None:
    """Do still points stand still, and moving ones not lag?"""
    estimator = Estimator.load(weights, device)
    settings = TrackingSettings(max_instances=1, smoothing=smoothing)
    figures = {name: measure(estimator, scene, settings, rate) for name, scene in SCENES.items()}
    table = Table("", *next(iter(figures.values())), caption="pixels; lag in images")
    for name, each in figures.items():
        table.add_row(name, *(f"{value:.2f}".removesuffix(".00") for value in each.values()))
    Console().print(table)
    if json_file:
        json_file.write_text(json.dumps({"rate": rate, **figures}, indent=2) + "\n")


if __name__ == "__main__":
    typer.run(main)
