"""Draws the supports of each query."""

from __future__ import annotations

import random

from cape_ros.core.errors import InvalidInput
from cape_ros.lab.datasets.mp100 import Dataset
from cape_ros.lab.evaluation.protocol import sample_pairs

MOST_PAIRS = 300
SEED = 1

Pair = tuple[int, ...]
"""(support, ..., support, query): indices of instances."""


def choose_pairs(dataset: Dataset, category: int, shots: int, most: int = MOST_PAIRS) -> list[Pair]:
    """All ordered pairs of a category, or a seeded sample of `most`; with more shots always a
    sample, the other supports drawn for each pair.

    Raises `InvalidInput` if the category has too few objects.
    """
    generator = random.Random(f"{SEED}:{category}:{shots}")
    objects = dataset.of_category(category)
    if len(objects) < shots + 1:
        raise InvalidInput.of(
            "shots",
            f"{shots} need {shots + 1} objects, {dataset.categories[category]} has {len(objects)}",
        )
    pairs = [(support, query) for query in objects for support in objects if support != query]
    if len(pairs) > most:
        pairs = generator.sample(pairs, most)
    return [
        (*generator.sample([at for at in objects if at not in pair], shots - 1), *pair)
        for pair in pairs
    ]


def release_pairs(dataset: Dataset, shots: int) -> dict[int, list[Pair]]:
    """The pairs of MP-100's protocol, category -> pairs. Raises `InvalidInput` as above."""
    try:
        pairs = sample_pairs(dataset, shots)
    except ValueError as error:
        raise InvalidInput.of(
            "mp100", f"a category has fewer than {shots} + 15 objects; leave it out"
        ) from error
    chosen: dict[int, list[Pair]] = {category: [] for category in dataset.categories}
    for pair in pairs:
        chosen[dataset.instances[pair[-1]].category].append(pair)
    return chosen


def labels(dataset: Dataset) -> dict[int, str]:
    """What to call each category: its name, with its id where another one has the same name."""
    names = list(dataset.categories.values())
    return {
        key: name if names.count(name) == 1 else f"{name} ({key})"
        for key, name in dataset.categories.items()
    }
