"""How far may the camera go around an object? python benchmarks/orbits.py FOLDER

FOLDER holds orbits that were rendered from meshes which nothing is trained on:
cape lab render FURNITURE FOLDER --kind orbits --count 31 --part held-out --photographs PHOTOGRAPHS

The first frame is registered, boxes are given: PCK of its points by the angle that the camera has
gone, with that one shot and with several frames of the orbit as shots; and what the scores are
worth of all its frames.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
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

from cape_ros.lab.evaluation.score_quality import auroc, calibration_error
from cape_ros.model.scores import RIGHT_WITHIN
from cape_ros.perception.estimator import Estimator
from cape_ros.perception.objects import ObjectRequest


def shots_of(thing: RenderedObject, count: int) -> list[int]:
    """Frames spread over the orbit, the first and (from two on) the last among them."""
    spread = np.linspace(0, len(thing.rows) - 1, count) if count > 1 else np.zeros(1)
    return sorted({int(at) for at in spread.round()})


@dataclass(frozen=True)
class Found:
    """Of one object with one number of shots. errors: of visible points, by band. scores: theirs,
    all bands together, and right: whether they are."""

    errors: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    scores: list[float] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)

    def calibration_error(self) -> float:
        return calibration_error(np.array(self.scores), np.array(self.right))


def measure(estimator: Estimator, thing: RenderedObject, counts: Sequence[int]) -> dict[int, Found]:
    """By number of shots; frames that are a shot of any number are left out of all."""
    taken = {at for count in counts for at in shots_of(thing, count)}
    found = {count: Found() for count in counts}
    for count in counts:
        shown = [at for at in shots_of(thing, count) if thing.truths(at)[0].visible.any()]
        category = thing.category(shown)
        for at in range(len(thing.rows)):
            (truth,) = thing.truths(at)
            if at in taken or truth.visible.sum() < LEAST:
                continue
            (answer,) = estimator.estimate(thing.image(at), [ObjectRequest(category, truth.box)])
            away = errors(answer.keypoints, truth)[truth.visible]
            found[count].errors[BANDS.index(band_of(thing.rows[at]["angle"]))] += away.tolist()
            found[count].scores.extend(answer.scores[truth.visible].tolist())
            found[count].right.extend((away < RIGHT_WITHIN).tolist())
    return found


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
    bands = [f"{low} to {min(high, 90)} degrees" for low, high in BANDS]
    table = Table("shots", *bands, "calibration error: mean, worst", "AUROC")
    facts = []
    for count in counts:
        found = [one[count] for one in each.values()]
        away = [[e for one in found for e in one.errors[at]] for at in range(len(BANDS))]
        row = [[pck(some, threshold) for threshold in THRESHOLDS] for some in away]
        miscalibrated = [one.calibration_error() for one in found if one.scores]
        scores = np.array([score for one in found for score in one.scores])
        right = np.array([is_right for one in found for is_right in one.right])
        facts.append({"shots": count, "pck": row, "points": [len(some) for some in away]})
        table.add_row(
            str(count),
            *(" / ".join(f"{value:.1f}" for value in one) for one in row),
            f"{np.mean(miscalibrated):.3f}, {max(miscalibrated):.3f}",
            f"{auroc(scores, right):.3f}",
        )
    console = Console()
    console.print(f"PCK@{' / '.join(map(str, THRESHOLDS))} of {len(each)} objects, boxes given")
    console.print(table)
    third = {
        name: [pck(one[count].errors[2], JUDGED_AT) for count in counts]
        for name, one in each.items()
        if one[counts[0]].errors[2]
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
