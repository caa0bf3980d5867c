"""What does a search cost? python benchmarks/search.py [--device cpu]

All durations are ratios to a frame in which one object is tracked. They are taken in turn, the
shortest of each, so that a busy machine changes little.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

import torch
import typer
from rich.console import Console
from rich.table import Table

from cape_ros.demo.scenes import photograph_scenes
from cape_ros.perception.detection.peaks import ALL_SIDES
from cape_ros.perception.estimator import Estimator
from cape_ros.perception.objects import ObjectRequest
from cape_ros.perception.tracking.tracker import LARGE

MANY = 10  # categories
TOGETHER = 8  # objects


def main(
    weights: str = "shipped",
    device: str = "auto",
    rounds: int = 5,
    threads: Annotated[int | None, typer.Option(help="Of PyTorch.")] = None,
) -> None:
    """What does a search cost?"""
    if threads:
        torch.set_num_threads(threads)
    estimator = Estimator.load(weights, device)
    scene, other = photograph_scenes(3)[:2]
    frame, empty = scene.source.next(), other.source.next()
    assert frame is not None
    assert empty is not None
    image, without = frame.image, empty.image
    categories = [replace(scene.category, name=f"category_{number}") for number in range(MANY)]
    for category in categories:
        estimator.register(category)
    names = [each.name for each in categories]
    name = names[0]
    known = estimator.detect(image, [name])[0]
    x, y, w, h = known[0].box
    large = LARGE * max(image.shape[:2])

    def track(count: int) -> None:
        requests = [ObjectRequest(name, (x + at, y, w, h)) for at in range(count)]
        estimator.estimate(image, requests)

    sizes = {"all sizes": ALL_SIDES, "large": (large, ALL_SIDES[1]), "small": (0.0, large)}
    cases: dict[str, Callable[[], object]] = {
        "one object tracked": lambda: track(1),
        f"{TOGETHER} objects tracked": lambda: track(TOGETHER),
    }
    for title, sides in sizes.items():
        cases |= {
            f"search, present, {title}": lambda s=sides: estimator.detect(image, [name], sides=s),
            f"search, absent, {title}": lambda s=sides: estimator.detect(without, [name], sides=s),
            f"search for more, {title}": lambda s=sides: estimator.detect(
                image, [name], known=known, sides=s
            ),
        }
    cases[f"search, {MANY} absent categories"] = lambda: estimator.detect(without, names)
    shortest = dict.fromkeys(cases, float("inf"))
    for _ in range(rounds):
        for case, run in cases.items():
            began = time.perf_counter()
            run()
            shortest[case] = min(shortest[case], time.perf_counter() - began)
    one = shortest["one object tracked"]
    table = Table("what", "ms", "of a tracked frame")
    for case, seconds in shortest.items():
        table.add_row(case, f"{1000 * seconds:.0f}", f"{seconds / one:.2f}")
    console = Console()
    console.print(table)
    many = shortest[f"{TOGETHER} objects tracked"]
    console.print(f"each further object: {(many / one - 1) / (TOGETHER - 1):.2f} of the first")
    absent = shortest["search, absent, all sizes"]
    ratio = shortest[f"search, {MANY} absent categories"] / absent
    console.print(f"{MANY} categories: {ratio:.2f} of a search for one")


if __name__ == "__main__":
    typer.run(main)
