"""Are points that are marked wrongly found by the other shots? python benchmarks/doubts.py DATA

Sets of five shots of every category of DATA's annotations, registered with the shipped weights: as
they are, with two keypoints of a shot mixed up, and with one moved by 0.3 of its box.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from cape_ros.core.images import read_image
from cape_ros.lab.datasets.mp100 import Dataset
from cape_ros.lab.training.batches import annotated
from cape_ros.lab.training.config import DataConfig
from cape_ros.model.cross_check import OUTLIER_DISTANCE
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.estimator import Estimator

SHOTS = 5
MOVED = 0.3  # of the box's longer side
AS_IT_IS, MIXED_UP, ASIDE = "as they are", "two mixed up", "one moved"

Marks = set[tuple[int, int]]  # of (shot, keypoint)


def sets(data: Dataset, category: int, count: int) -> Iterator[list[SupportShot]]:
    """Shots of a category, the same ones each time."""
    draw = random.Random(f"doubts {category}")
    for _ in range(count):
        chosen = [data.instances[at] for at in draw.sample(data.of_category(category), SHOTS)]
        yield [
            SupportShot(read_image(one.image), one.keypoints, one.visible, one.box)
            for one in chosen
        ]


def spoil(shots: list[SupportShot], kind: str, draw: random.Random) -> Marks:
    """Mark points of one of the shots wrongly, in place; which ones. None, where that changes
    little: their true places are nearer than what counts as astray."""
    at = draw.randrange(len(shots))
    shot = shots[at]
    side, points = max(shot.box[2:]), shot.keypoints.copy()
    shown = np.flatnonzero(shot.visible).tolist()
    if kind == MIXED_UP:
        if len(shown) < 2:
            return set()
        wrong = draw.sample(shown, 2)
        points[wrong] = points[wrong[::-1]]
    else:
        wrong, angle = [draw.choice(shown)], draw.uniform(0, 2 * math.pi)
        height, width = shot.image.shape[:2]
        aside = points[wrong] + MOVED * side * np.array((math.cos(angle), math.sin(angle)))
        points[wrong] = aside.clip(0, (width - 1, height - 1))
    if (
        np.linalg.norm(points[wrong] - shot.keypoints[wrong], axis=1).max()
        < OUTLIER_DISTANCE * side
    ):
        return set()
    shots[at] = replace(shot, keypoints=points)
    return {(at, one) for one in wrong}


def main(
    data: Annotated[Path, typer.Argument(help="Folder with images/ and annotations/.")],
    count: Annotated[int, typer.Option("--sets", help="Of each category.")] = 6,
) -> None:
    """Are points that are marked wrongly found by the other shots?"""
    estimator = Estimator.load(device="cpu")
    tried: Counter[str] = Counter()
    named: Counter[str] = Counter()
    others: Counter[str] = Counter()
    for file in ("train", "val"):
        dataset = annotated(DataConfig(data, annotations=f"annotations/{file}.json"))
        for category in track(dataset.categories, file, transient=True):
            draw = random.Random(f"marks {category}")
            for shots in sets(dataset, category, count):
                names = [f"k{index}" for index in range(len(shots[0].keypoints))]
                for kind in (AS_IT_IS, MIXED_UP, ASIDE):
                    marked = list(shots)
                    wrong = spoil(marked, kind, draw) if kind != AS_IT_IS else set()
                    if kind != AS_IT_IS and not wrong:
                        continue
                    tokens, _ = estimator.encode_upright(Category("thing", names, shots=marked))
                    doubted = set(tokens.check.doubtful)
                    tried[kind] += 1
                    named[kind] += bool(doubted & wrong)
                    others[kind] += bool(doubted - wrong)
    table = Table("five shots", "sets", "a wrong point is named", "others are")
    for kind, count in tried.items():
        table.add_row(kind, str(count), str(named[kind]), str(others[kind]))
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
