"""How far may the camera go around an object? python benchmarks/orbits.py FOLDER

FOLDER holds orbits that were rendered from meshes which nothing is trained on:
cape lab render FURNITURE FOLDER --kind orbits --count 31 --part held-out --photographs PHOTOGRAPHS

The first frame is registered, boxes are given: PCK of its points by the angle that the camera has
gone, with that one shot and with several frames of the orbit as shots.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table
from rig.rendered import BANDS, LEAST, RenderedObject, band_of, errors, rendered_objects

from cape_ros.perception.estimator import Estimator
from cape_ros.perception.objects import ObjectRequest

THRESHOLDS = (0.05, 0.1, 0.2)
JUDGED_AT = 0.1  # a worst object is judged by its PCK at this threshold


def shots_of(thing: RenderedObject, count: int) -> list[int]:
    """Frames spread over the orbit, the first and (from two on) the last among them."""
    spread = np.linspace(0, len(thing.rows) - 1, count) if count > 1 else np.zeros(1)
    return sorted({int(at) for at in spread.round()})


def measure(
    estimator: Estimator, thing: RenderedObject, counts: Sequence[int]
) -> dict[int, dict[int, list[float]]]:
    """Errors of visible points by number of shots and by band; frames that are a shot of any number
    are left out of all."""
    taken = {at for count in counts for at in shots_of(thing, count)}
    found: dict[int, dict[int, list[float]]] = {count: defaultdict(list) for count in counts}
    for count in counts:
        shown = [at for at in shots_of(thing, count) if thing.truths(at)[0].visible.any()]
        category = thing.category(shown)
        for at in range(len(thing.rows)):
            (truth,) = thing.truths(at)
            if at in taken or truth.visible.sum() < LEAST:
                continue
            (answer,) = estimator.estimate(thing.image(at), [ObjectRequest(category, truth.box)])
            away = errors(answer.keypoints, truth)[truth.visible]
            found[count][BANDS.index(band_of(thing.rows[at]["angle"]))] += away.tolist()
    return found


def pck(away: Sequence[float], threshold: float) -> float:
    return 100 * float(np.mean(np.array(away) < threshold)) if away else float("nan")


def main(
    folder: Annotated[Path, typer.Argument(help="Of cape lab render --kind orbits.")],
    weights: str = "shipped",
    device: str = "auto",
    shots: Annotated[
        list[int] | None, typer.Option(help="Numbers of shots; 1, 3 and 5 without.")
    ] = None,
    most: Annotated[int | None, typer.Option(help="Objects, the first so many.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all of it here.")] = None,
) -> None:
    """How far may the camera go around an object?"""
    estimator = Estimator.load(weights, device)
    counts = tuple(shots or (1, 3, 5))
    each = {
        thing.id: measure(estimator, thing, counts)
        for thing in track(
            list(rendered_objects(folder, "orbits", most)), "measuring", transient=True
        )
    }
    table = Table("shots", *(f"{low} to {min(high, 90)} degrees" for low, high in BANDS))
    facts = []
    for count in counts:
        bands = [[e for one in each.values() for e in one[count][at]] for at in range(len(BANDS))]
        row = [[pck(away, threshold) for threshold in THRESHOLDS] for away in bands]
        facts.append({"shots": count, "pck": row, "points": [len(away) for away in bands]})
        table.add_row(str(count), *(" / ".join(f"{value:.1f}" for value in one) for one in row))
    console = Console()
    console.print(f"PCK@{' / '.join(map(str, THRESHOLDS))} of {len(each)} objects, boxes given")
    console.print(table)
    third = {
        name: [pck(one[count][2], JUDGED_AT) for count in counts]
        for name, one in each.items()
        if one[counts[0]][2]
    }
    for name in sorted(third, key=lambda name: third[name][0])[:8]:
        values = ", ".join(f"{v:.0f}" for v in third[name])
        console.print(f"45 to 75 degrees, PCK@{JUDGED_AT}: {name} {values}")
    if json_file:
        json_file.write_text(
            json.dumps({"rows": facts, "objects_45_to_75": third}, indent=1) + "\n"
        )


if __name__ == "__main__":
    typer.run(main)
