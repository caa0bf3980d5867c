"""Does a search find what is there, and nothing else? python benchmarks/presence.py [--device cpu]

Each photograph of the demo is searched in frames that show it and in frames that show another one,
without a box, each frame on its own.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from cape_ros.demo.scenes import FRAMES_OF_PHOTOGRAPH, photograph_scenes
from cape_ros.media.sources import SourceFrame
from cape_ros.perception.estimator import Estimator


def frames_of(scene_number: int, every: int) -> list[SourceFrame]:
    source = photograph_scenes(FRAMES_OF_PHOTOGRAPH)[scene_number].source
    frames = [source.next() for _ in range(FRAMES_OF_PHOTOGRAPH)]
    return [frame for frame in frames[::every] if frame is not None]


def main(
    weights: str = "shipped",
    device: str = "auto",
    every: Annotated[int, typer.Option(help="Process every n-th frame.")] = 6,
) -> None:
    """Does a search find what is there, and nothing else?"""
    estimator = Estimator.load(weights, device)
    categories = [scene.category for scene in photograph_scenes(1)]
    scenes = [frames_of(number, every) for number in range(len(categories))]
    table = Table("searched for", *(f"in {c.name}" for c in categories))
    there, elsewhere = [], []
    for row, category in enumerate(track(categories, "searching", transient=True)):
        cells = []
        for column, frames in enumerate(scenes):
            found = [estimator.find(frame.image, category).score for frame in frames]
            share = float(np.mean(np.array(found) > 0))
            (there if row == column else elsewhere).append(share)
            cells.append(f"{100 * share:.0f} % (best score {max(found):.2f})")
        table.add_row(category.name, *cells)
    console = Console()
    console.print(table)
    console.print(
        f"reported: {100 * np.mean(there):.1f} % of the frames that show the object, "
        f"{100 * np.mean(elsewhere):.1f} % of those that do not"
    )


if __name__ == "__main__":
    typer.run(main)
