"""Do tracks keep their objects? python benchmarks/tracking.py [--every 3] [--json FILE]

Two videos without boxes, one object of one frame registered: two flies (labels by a reviewed
tracker), and copies of a photographed object that cross each other.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import motmetrics
import numpy as np
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table
from rig.crossing import crossing

from cape_ros.lab.evaluation.video_reference import read_labels
from cape_ros.media.sources import VideoFile
from cape_ros.media.truth import PCK_AT, Truth, pairs
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.estimator import Estimator
from cape_ros.perception.objects import ObjectKeypoints
from cape_ros.perception.tracking import Tracker, TrackingSettings, clock_of_images, track_ids

VIDEO = Path(__file__).parents[2] / "shared/data/video/flies.mp4"
RATE = 25.0  # [frames/s] of the flies, as the file says
CROSSING_SECONDS = 40
SAME = 0.5  # of the object's size: a larger median error is no match
HALF_VISIBLE = 0.5  # of its keypoints: an object that shows fewer need not be found

Frame = tuple[float, np.ndarray, Mapping[int, Truth]]


@dataclass
class Count:
    """What became of the objects of a video."""

    frames: int = 0
    all_found: int = 0
    predicted: int = 0
    errors: list[np.ndarray] = field(default_factory=list)  # in sizes, of each object found
    raw_errors: list[np.ndarray] = field(default_factory=list)  # the same before smoothing
    missing: int = 0  # keypoints of objects that were not found
    seconds: list[float] = field(default_factory=list)
    accumulator: motmetrics.MOTAccumulator = field(
        default_factory=lambda: motmetrics.MOTAccumulator(auto_id=True)
    )

    def add(self, truths: Mapping[int, Truth], objects: list[ObjectKeypoints]) -> None:
        seen = [each for each in objects if not each.predicted]
        self.predicted += len(objects) - len(seen)
        costs = np.full((len(truths), len(seen)), np.nan)
        for row, truth in enumerate(truths.values()):
            for column, each in enumerate(seen):
                away = float(np.nanmedian(truth.errors(each.keypoints))) / truth.size
                costs[row, column] = away if away <= SAME else np.nan
        self.accumulator.update(list(truths), [each.track_id for each in seen], costs)
        found = pairs(truths, [each.keypoints for each in seen])
        self.frames += 1
        self.all_found += len(found) == len(truths)
        for which, truth in truths.items():
            if which in found:
                one = seen[found[which]]
                raw = one.keypoints if one.measured is None else one.measured
                for points, errors in ((one.keypoints, self.errors), (raw, self.raw_errors)):
                    away = truth.errors(points) / truth.size
                    errors.append(away[np.isfinite(away)])
            else:
                self.missing += int(truth.visible.sum())

    def facts(self) -> dict[str, Any]:
        wanted = ["mota", "idf1", "num_switches", "num_false_positives", "num_misses"]
        figures = motmetrics.metrics.create().compute(self.accumulator, metrics=wanted)
        errors, raw = (
            np.concatenate([np.empty(0), *each]) for each in (self.errors, self.raw_errors)
        )
        return {
            "frames": self.frames,
            "all_found": self.all_found / max(1, self.frames),
            **{name: float(figures[name].iloc[0]) for name in wanted},
            "predicted": self.predicted,
            f"pck@{PCK_AT}": float((errors < PCK_AT).mean()) if len(errors) else None,
            f"pck@{PCK_AT} measured": float((raw < PCK_AT).mean()) if len(raw) else None,
            f"pck@{PCK_AT} with missing": float(
                (errors < PCK_AT).sum() / max(1, len(errors) + self.missing)
            ),
            "median_ms": 1000 * float(np.median(self.seconds)),
            "p95_ms": 1000 * float(np.percentile(self.seconds, 95)),
        }


def flies(every: int, most: int) -> tuple[Category, Iterator[Frame]]:
    """The registered fly, and each n-th frame with the truth of both."""
    labels = read_labels(VIDEO.with_suffix(".json"))
    frame, which = labels.first_whole()

    def images() -> Iterator[tuple[int, np.ndarray]]:
        source = VideoFile(VIDEO, most)
        while (one := source.next()) is not None:
            yield one.index or 0, one.image
        source.close()

    image = next(image for index, image in images() if index == frame)
    truth = labels.frames[frame][which]
    shot = SupportShot(image, np.nan_to_num(truth.keypoints), truth.visible)
    frames = (
        (index / RATE, image, labels.frames.get(index, {}))
        for index, image in images()
        if index % every == 0
    )
    return Category("fly", labels.names, (), [shot]), frames


def crossing_frames(every: int) -> tuple[Category, Iterator[Frame]]:
    scene, rate = crossing(), 10.0 / every
    frames = (
        (
            stamp,
            image,
            {
                which: truth
                for which, truth in enumerate(truths)
                if truth.visible.mean() > HALF_VISIBLE
            },
        )
        for stamp, image, truths in scene.frames(round(CROSSING_SECONDS * rate), rate)
    )
    return scene.category, frames


def measure(
    estimator: Estimator, category: Category, frames: Iterable[Frame], settings: TrackingSettings
) -> dict[str, Any]:
    estimator.register(category)
    tracker = Tracker(estimator, track_ids(), clock_of_images())
    count = Count()
    for stamp, image, truths in track(frames, category.name, transient=True):
        began = time.perf_counter()
        objects = tracker.estimate(image, {category.name: category}, settings, stamp)
        count.seconds.append(time.perf_counter() - began)
        count.add(truths, objects)
    return count.facts()


def main(
    weights: str = "shipped",
    device: str = "auto",
    every: Annotated[int, typer.Option(help="Process every n-th frame.")] = 1,
    frames: Annotated[int, typer.Option(help="Of the flies, at most.")] = 10**9,
    only: Annotated[str, typer.Option(help="flies or crossing; without it both.")] = "",
    max_instances: int = 8,
    smoothing: float = 1.0,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the figures here.")
    ] = None,
) -> None:
    """Do tracks keep their objects?"""
    console = Console()
    estimator = Estimator.load(weights, device)
    settings = TrackingSettings(max_instances=max_instances, smoothing=smoothing)
    figures: dict[str, Any] = {}
    if only != "crossing" and VIDEO.is_file():
        figures["flies"] = measure(estimator, *flies(every, frames), settings)
    elif only != "crossing":
        console.print(f"{VIDEO.name} is not there: only objects that cross are tracked.")
    if only != "flies":
        figures["crossing"] = measure(estimator, *crossing_frames(every), settings)
    table = Table("figure", *figures)
    for name in next(iter(figures.values()), {}):
        table.add_row(name, *(_shown(each[name]) for each in figures.values()))
    console.print(table)
    if json_file:
        json_file.write_text(json.dumps({"every": every, **figures}, indent=2) + "\n")


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}".rstrip("0").rstrip(".")


if __name__ == "__main__":
    typer.run(main)
