"""Are 90 % of the keypoints as near as `pixel_deviation` claims? deviation.py ANNOTATIONS IMAGES

Each category's objects are found by one shot of another of its objects, in their annotated box.
"""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from cape_ros import Category, Estimator, ObjectRequest, SupportShot
from cape_ros.core.images import read_image
from cape_ros.lab.datasets import mp100
from cape_ros.perception.spatial.lifting import pixel_deviation
from cape_ros.perception.trust import Trust

NINETY = 2.146  # standard deviations of x and y, within which 90 % of a normal distribution lie
BINS = (Trust.point_threshold, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0)
SEED = 0


def main(
    annotations: Annotated[Path, typer.Argument(help="a file of MP-100's kind")],
    images: Annotated[Path, typer.Argument(help="the folder of its images")],
    pairs: Annotated[int, typer.Option(help="of each category")] = 14,
) -> None:
    """Print the share within the claimed 90 %, by score."""
    dataset, estimator = mp100.read(annotations, images, allow_missing=True), Estimator.load()
    generator, found = random.Random(SEED), []
    for category in track(dataset.categories):
        for _ in range(pairs):
            drawn = generator.sample(dataset.of_category(category), 2)
            support, query = (dataset.instances[at] for at in drawn)
            names = [str(at) for at in range(len(support.keypoints))]
            image = read_image(support.image)
            shot = SupportShot(image, support.keypoints, support.visible, support.box)
            request = ObjectRequest(Category("one", names, shots=[shot]), query.box)
            (answer,) = estimator.estimate(read_image(query.image), [request])
            away = np.linalg.norm(answer.keypoints - query.keypoints, axis=1) / query.extent
            both = support.visible & query.visible
            found.append(np.column_stack((answer.scores, away))[both])
    scores, errors = np.concatenate(found).T
    claimed = pixel_deviation(scores, 1e6) / 1e6
    table = Table("score", "keypoints", "claimed deviation", "within its 90 %")
    for least, most in pairwise(BINS):
        chosen = (scores >= least) & (scores < most)
        if chosen.any():
            share = (errors < NINETY * claimed)[chosen].mean()
            row = f"{least} to {most}", f"{chosen.sum()}", f"{np.median(claimed[chosen]):.3f}"
            table.add_row(*row, f"{share:.0%}")
    trusted = scores >= BINS[0]
    share = (errors < NINETY * claimed)[trusted].mean()
    table.add_row("all trusted", f"{trusted.sum()}", "", f"{share:.0%}")
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
