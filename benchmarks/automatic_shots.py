"""What do ten seconds of moving the camera teach? python benchmarks/automatic_shots.py FOLDER

FOLDER holds rendered orbits, as for benchmarks/orbits.py. The first image of each is registered,
then the object is tracked along its orbit without any box, and views of it become automatic shots
as in the node with `auto_shots: true`. PCK of the points by the angle that the camera has gone,
boxes given, with the first shot alone and with what was added; images that became a shot are left
out of both.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table
from rig.rendered import (
    BANDS,
    JUDGED_AT,
    LEAST,
    THRESHOLDS,
    RenderedObject,
    band_of,
    errors,
    pck,
    rendered_objects,
)

from cape_ros.perception.automatic_shots.collector import ShotCollector
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.estimator import Estimator
from cape_ros.perception.objects import ObjectRequest
from cape_ros.perception.tracking import Tracker, TrackingSettings, track_ids

SECONDS = 10
Errors = Mapping[int, list[float]]  # of visible points, by band


def collect(estimator: Estimator, thing: RenderedObject) -> tuple[Category, list[int]]:
    """The category after one way along the orbit, and the images that became shots, the first one
    among them."""
    category = thing.category([0])
    estimator.register(category)
    tracker, collector = Tracker(estimator, track_ids()), ShotCollector(estimator)
    settings = TrackingSettings(max_instances=1)
    taken: dict[SupportShot, int] = {category.shots[0]: 0}
    for at in range(len(thing.rows)):
        image, stamp = thing.image(at), SECONDS * at / len(thing.rows)
        for found in tracker.estimate(image, {category.name: category}, settings, stamp):
            candidate = collector.see(image, found, category, settings.trust)
            more = collector.check(candidate) if candidate else None
            if more:
                category = more
                taken.update({shot: at for shot in more.shots if shot not in taken})
                estimator.register(category)
    return category, [taken[shot] for shot in category.shots]


def measure(
    estimator: Estimator, thing: RenderedObject, category: Category, left_out: list[int]
) -> Errors:
    found: dict[int, list[float]] = defaultdict(list)
    for at, row in enumerate(thing.rows):
        (truth,) = thing.truths(at)
        if at in left_out or truth.visible.sum() < LEAST:
            continue
        (answer,) = estimator.estimate(thing.image(at), [ObjectRequest(category, truth.box)])
        away = errors(answer.keypoints, truth)[truth.visible]
        found[BANDS.index(band_of(row["angle"]))] += away.tolist()
    return found


def main(
    folder: Annotated[Path, typer.Argument(help="Of cape lab render --kind orbits.")],
    weights: str = "shipped",
    device: str = "auto",
    most: Annotated[int | None, typer.Option(help="Objects, the first so many.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all of it here.")] = None,
) -> None:
    """What do ten seconds of moving the camera teach?"""
    estimator = Estimator.load(weights, device)
    alone: dict[str, Errors] = {}
    added: dict[str, Errors] = {}
    shots: dict[str, list[float]] = {}
    for thing in track(list(rendered_objects(folder, "orbits", most)), transient=True):
        category, taken = collect(estimator, thing)
        added[thing.id] = measure(estimator, thing, category, taken)
        alone[thing.id] = measure(estimator, thing, thing.category([0]), taken)
        shots[thing.id] = [thing.rows[at]["angle"] for at in taken]

    table = Table("shots", *(f"{low} to {min(high, 90)} degrees" for low, high in BANDS))
    rows = []
    for name, each in (("the first image", alone), ("and automatic ones", added)):
        bands = [[e for one in each.values() for e in one[at]] for at in range(len(BANDS))]
        rows.append([[pck(away, threshold) for threshold in THRESHOLDS] for away in bands])
        table.add_row(name, *(" / ".join(f"{v:.1f}" for v in one) for one in rows[-1]))
    console = Console()
    console.print(f"PCK@{' / '.join(map(str, THRESHOLDS))} of {len(alone)} objects, boxes given")
    console.print(table)
    whole = {
        name: [
            pck([e for away in each[name].values() for e in away], JUDGED_AT)
            for each in (alone, added)
        ]
        for name in alone
    }
    for name in sorted(whole, key=lambda name: whole[name][1] - whole[name][0]):
        before, after = whole[name]
        views = ", ".join(f"{angle:.0f}" for angle in shots[name])
        console.print(
            f"all angles, PCK@{JUDGED_AT}: {name} {before:.0f} to {after:.0f}; shots at {views}"
        )
    if json_file:
        json_file.write_text(
            json.dumps({"pck": rows, "objects": whole, "shots": shots}, indent=1) + "\n"
        )


if __name__ == "__main__":
    typer.run(main)
