"""What do ten seconds of moving the camera teach? python benchmarks/automatic_shots.py FOLDER

FOLDER holds rendered orbits, as for benchmarks/orbits.py. The first image of each is registered,
then the object is tracked along its orbit without any box, and views of it become automatic shots
as in the node with `auto_shots: true`. PCK of the points by the angle that the camera has gone,
boxes given, with the first shot alone and with what was added; images that became a shot are left
out of both.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table
from rig.moving_camera import MovingCamera
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
from cape_ros.perception.automatic_shots.projected_views import ViewProjector
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.estimator import Estimator
from cape_ros.perception.objects import ObjectRequest
from cape_ros.perception.space import SpaceEstimator
from cape_ros.perception.tracking import Tracker, TrackingSettings, track_ids

SECONDS = 10
Found = Mapping[str, list[list[float]]]  # by object and image: errors of the visible points
Taken = Mapping[str, Sequence[int]]  # by object: images that became shots


@dataclass(frozen=True)
class Collected:
    """taken: the images that became shots, the first one among them. projected: with points by the
    camera's motion, in how many images."""

    category: Category
    taken: Sequence[int]
    projected: int = 0


def collect(
    estimator: Estimator, thing: RenderedObject, camera: MovingCamera | None = None
) -> Collected:
    """The category after one way along the orbit. camera: with depth, that knows how it moves."""
    category = camera.category() if camera else thing.category([0])
    estimator.register(category)
    tracker, collector = Tracker(estimator, track_ids()), ShotCollector(estimator)
    space, projector, projected = SpaceEstimator(), ViewProjector(), 0
    settings = TrackingSettings(max_instances=1)
    taken: dict[SupportShot, int] = {category.shots[0]: 0}
    for at in range(len(thing.rows)):
        image, stamp = thing.image(at), SECONDS * at / len(thing.rows)
        known = {category.name: category}
        for found in tracker.estimate(image, known, settings, stamp):
            if camera:
                sight = camera.sight(at, stamp)
                (one,) = space.estimate([found], known, sight)
                view = projector.see(one, category, sight, image.shape[1::-1])
                projected += view is not None and not view.near
                candidate = collector.see_projected(image, view, category) if view else None
            else:
                candidate = collector.see(image, found, category, settings.trust)
            more = collector.check(candidate) if candidate else None
            if more:
                category = more
                taken.update({shot: at for shot in more.shots if shot not in taken})
                estimator.register(category)
    return Collected(category, [taken[shot] for shot in category.shots], projected)


def measure(estimator: Estimator, thing: RenderedObject, category: Category) -> list[list[float]]:
    """Errors of the visible points by image, none where too few are."""
    found = []
    for at in range(len(thing.rows)):
        (truth,) = thing.truths(at)
        if truth.visible.sum() < LEAST:
            found.append([])
            continue
        (answer,) = estimator.estimate(thing.image(at), [ObjectRequest(category, truth.box)])
        found.append(errors(answer.keypoints, truth)[truth.visible].tolist())
    return found


def bands_of(things: Sequence[RenderedObject], found: Found, left_out: Taken) -> list[list[float]]:
    """Errors by the angle of the camera, without the images that became a shot."""
    bands: list[list[float]] = [[] for _ in BANDS]
    for thing in things:
        for at, away in enumerate(found[thing.id]):
            if at not in left_out[thing.id]:
                bands[BANDS.index(band_of(thing.rows[at]["angle"]))] += away
    return bands


def main(
    folder: Annotated[Path, typer.Argument(help="Of cape lab render --kind orbits.")],
    weights: str = "shipped",
    device: str = "auto",
    most: Annotated[int | None, typer.Option(help="Objects, the first so many.")] = None,
    projected: Annotated[
        bool, typer.Option("--projected", help="With a depth camera that knows how it moves, too.")
    ] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all of it here.")] = None,
) -> None:
    """What do ten seconds of moving the camera teach?"""
    estimator = Estimator.load(weights, device)
    things = list(rendered_objects(folder, "orbits", most))
    ways = {"by the network": False, **({"by the camera's motion": True} if projected else {})}
    alone: dict[str, list[list[float]]] = {}
    added: dict[str, dict[str, list[list[float]]]] = {way: {} for way in ways}
    shots: dict[str, dict[str, Sequence[int]]] = {way: {} for way in ways}
    views: dict[str, int] = {}
    for thing in track(things, transient=True):
        alone[thing.id] = measure(estimator, thing, thing.category([0]))
        for way, moving in ways.items():
            collected = collect(estimator, thing, MovingCamera(thing) if moving else None)
            added[way][thing.id] = measure(estimator, thing, collected.category)
            shots[way][thing.id] = collected.taken
            views[thing.id] = collected.projected

    console = Console()
    rows = {}
    for way, taken in shots.items():
        table = Table("shots", *(f"{low} to {min(high, 90)} degrees" for low, high in BANDS))
        for name, found in (("the first image", alone), (f"and others {way}", added[way])):
            rows[name, way] = [
                [pck(away, threshold) for threshold in THRESHOLDS]
                for away in bands_of(things, found, taken)
            ]
            cells = [" / ".join(f"{v:.1f}" for v in one) for one in rows[name, way]]
            table.add_row(name, *cells)
        console.print(
            f"PCK@{' / '.join(map(str, THRESHOLDS))} of {len(alone)} objects, boxes given"
        )
        console.print(table)
    whole: dict[str, dict[str, tuple[float, float]]] = {way: {} for way in ways}
    for way, taken in shots.items():
        for thing in things:
            before, after = (
                pck([e for band in bands_of([thing], each, taken) for e in band], JUDGED_AT)
                for each in (alone, added[way])
            )
            whole[way][thing.id] = before, after
        console.print(f"all angles, PCK@{JUDGED_AT}, shots {way}:")
        for name, (before, after) in sorted(
            whole[way].items(), key=lambda one: one[1][1] - one[1][0]
        ):
            (thing,) = (thing for thing in things if thing.id == name)
            angles = ", ".join(f"{thing.rows[at]['angle']:.0f}" for at in taken[name])
            known = f", {views[name]} views projected" if ways[way] else ""
            console.print(f"{name} {before:.0f} to {after:.0f}; shots at {angles}{known}")
    if json_file:
        every = {
            way: {
                "pck": [rows[name, way] for name in ("the first image", f"and others {way}")],
                "objects": whole[way],
                "shots": shots[way],
            }
            for way in ways
        }
        json_file.write_text(json.dumps(every, indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)
