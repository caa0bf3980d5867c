"""Weights against the two anchors on the same pairs, category by category.

python -m cape_ros.evaluation.evaluate WEIGHTS DATA_DIR [--imagenet RESNET18.pth] [--json OUT]

DATA_DIR holds images/ and annotations/; the categories of annotations/val.json are evaluated.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor

from cape_ros.evaluation.anchors import (
    copy_layout,
    features_at,
    imagenet_resnet18,
    nearest_neighbour,
)
from cape_ros.evaluation.protocol import Metrics, evaluate
from cape_ros.model import CapeFormer, CapeFormerConfig, checkpoints
from cape_ros.perception.geometry import Crop
from cape_ros.training.data.mp100 import Dataset, read
from cape_ros.training.data.views import Batch, collate, look

MOST_PAIRS = 300
SHOTS = (1, 5)
SHOWN = (0.05, 0.1, 0.2)
SEED = 1

Predict = Callable[[Sequence[int], int], Tensor]
"""(indices of the supports, index of the query) -> [K, 2] in [0, 1] of the query's crop."""


class Seen:
    """The views of some instances, and what a backbone makes of each: computed once, used by
    every pair."""

    def __init__(self, dataset: Dataset, wanted: Sequence[int], config: CapeFormerConfig):
        self.views: dict[int, Batch] = {
            at: collate([look(dataset.instances[at], config.image_size)], config)
            for at in track(sorted(set(wanted)), "reading", transient=True)
        }

    @torch.inference_mode()
    def features(self, backbone: Callable[[Tensor], Tensor]) -> dict[int, Tensor]:
        """[1, C, h, w] of each instance."""
        return {
            at: backbone(view.images)
            for at, view in track(self.views.items(), "features", transient=True)
        }


def choose_pairs(dataset: Dataset, category: int, shots: int) -> list[tuple[int, ...]]:
    """(support, ..., support, query): all ordered pairs of a category, or a seeded sample of
    `MOST_PAIRS`; with more shots always a sample, the other supports drawn for each pair."""
    generator = random.Random(f"{SEED}:{category}:{shots}")
    objects = dataset.of_category(category)
    pairs = [(support, query) for query in objects for support in objects if support != query]
    if len(pairs) > MOST_PAIRS:
        pairs = generator.sample(pairs, MOST_PAIRS)
    return [
        (*generator.sample([at for at in objects if at not in pair], shots - 1), *pair)
        for pair in pairs
    ]


def network(net: CapeFormer, seen: Seen, proposals: bool = False) -> Predict:
    """The answer of `net`, or that of its proposals."""
    features = seen.features(net.extract)

    @torch.inference_mode()
    def predict(supports: Sequence[int], query: int) -> Tensor:
        shots = [seen.views[at] for at in supports]
        tokens = net.pool(
            [features[at] for at in supports],
            [shot.heatmaps for shot in shots],
            [shot.weight for shot in shots],
        )
        output = net.match(features[query], tokens)
        return (output.proposals if proposals else output.points[-1])[0]

    return predict


def anchors(seen: Seen, imagenet: Path | None) -> dict[str, Predict]:
    """Copy the layout; with ImageNet weights also the nearest neighbour of their features."""

    def copy(supports: Sequence[int], query: int) -> Tensor:
        return copy_layout(torch.cat([seen.views[at].points for at in supports]))

    if imagenet is None:
        return {"copy the support layout": copy}
    features = seen.features(imagenet_resnet18(imagenet))

    def nearest(supports: Sequence[int], query: int) -> Tensor:
        prototypes = [features_at(features[at][0], seen.views[at].points[0]) for at in supports]
        return nearest_neighbour(torch.stack(prototypes), features[query][0])

    return {"copy the support layout": copy, "nearest neighbour": nearest}


def score(
    dataset: Dataset, pairs: Sequence[tuple[int, ...]], predict: Predict, size: tuple[int, int]
) -> Metrics:
    """Predictions brought back to image pixels and measured as the protocol does."""
    found = []
    for pair in pairs:
        crop = Crop.of_box(dataset.instances[pair[-1]].box, size)
        found.append(crop.to_image(predict(pair[:-1], pair[-1]).numpy()))
    return evaluate(dataset, pairs, found)


def compare(
    dataset: Dataset, net: CapeFormer, imagenet: Path | None, shots: Sequence[int] = SHOTS
) -> dict[str, dict[str, dict[str, Metrics]]]:
    """method -> "1-shot" ... -> category -> metrics, every method on the same pairs."""
    size = net.config.image_size
    pairs = {
        (count, category): choose_pairs(dataset, category, count)
        for count in shots
        for category in dataset.categories
    }
    seen = Seen(
        dataset, [at for some in pairs.values() for pair in some for at in pair], net.config
    )
    methods = anchors(seen, imagenet)
    methods["proposals alone"] = network(net, seen, proposals=True)
    methods["weights"] = network(net, seen)
    return {
        name: {
            f"{count}-shot": {
                dataset.categories[category]: score(dataset, pairs[count, category], predict, size)
                for category in dataset.categories
            }
            for count in shots
        }
        for name, predict in track(methods.items(), "matching", transient=True)
    }


def summarise(per_category: dict[str, Metrics]) -> dict[str, dict[str, float]]:
    """category, and "mean" of the categories -> PCK@..., mPCK in percent."""
    rows = {
        name: {f"PCK@{t}": 100 * metrics.pck[t] for t in SHOWN} | {"mPCK": 100 * metrics.mpck}
        for name, metrics in per_category.items()
    }
    numbers = list(rows.values())
    rows["mean"] = {key: sum(row[key] for row in numbers) / len(numbers) for key in numbers[0]}
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m cape_ros.evaluation.evaluate")
    parser.add_argument("weights", type=Path)
    parser.add_argument("data", type=Path, help="folder with images/ and annotations/")
    parser.add_argument("--annotations", default="val.json", help="file in DATA/annotations")
    parser.add_argument("--categories", nargs="*", help="only these")
    parser.add_argument("--imagenet", type=Path, help="ResNet-18 weights of the second anchor")
    parser.add_argument("--json", type=Path, help="write the numbers here too")
    options = parser.parse_args(arguments)
    net, facts = checkpoints.load(options.weights)
    dataset = read(options.data / "annotations" / options.annotations, options.data / "images")
    if options.categories:
        dataset = dataset.only(options.categories)
    results = {
        method: {shots: summarise(rows) for shots, rows in by_shots.items()}
        for method, by_shots in compare(dataset, net, options.imagenet).items()
    }
    for shots in next(iter(results.values())):
        console_table(shots, {method: rows[shots] for method, rows in results.items()})
    if options.json:
        options.json.write_text(json.dumps({"results": results, "facts": facts}, indent=1) + "\n")


def console_table(shots: str, results: dict[str, dict[str, dict[str, float]]]) -> None:
    table = Table("category", "method", *(f"PCK@{t}" for t in SHOWN), "mPCK", title=shots)
    for category in next(iter(results.values())):
        for method, rows in results.items():
            table.add_row(category, method, *(f"{value:.1f}" for value in rows[category].values()))
        table.add_section()
    Console().print(table)


if __name__ == "__main__":
    main()
