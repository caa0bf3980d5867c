"""Libraries that a broken disk or a stranger left."""

from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np

from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.library.category_folder import UNREADABLE, read_category
from cape_ros.perception.library.library import CategoryLibrary


def put_traps(root: Path) -> None:
    """A pipe that nobody writes, and links to a file without end, where a category's files are."""
    for name, trap in (("pipe", os.mkfifo), ("zero", lambda path: path.symlink_to("/dev/zero"))):
        folder = root / "categories" / name / "v000001"
        folder.mkdir(parents=True)
        trap(folder / "category.yaml")
        trap(folder / "shot_000.png")


def flip_bits(root: Path, flips: int, seed: int) -> dict[str, int]:
    """Flips one bit at a time of a stored category; says how often it was refused, was read as it
    is, and was served with other content."""
    rng = np.random.default_rng(seed)
    points = [[1.1, 2.7], [20.3, 15.9], [5.0, 7.0]]
    image = rng.integers(0, 256, (24, 31, 3), dtype=np.uint8)
    CategoryLibrary(root).put(
        Category("arm", ["a", "b", "c"], [(0, 1)], [SupportShot(image, points)])
    )
    folder = root / "categories" / "arm" / "v000001"
    whole = read_category(folder, "arm", 1)
    counts = {"flips": flips, "refused": 0, "the same": 0, "served": 0}
    generator = random.Random(seed)
    for number in range(flips):
        path = folder / ("category.yaml", "shot_000.png")[number % 2]
        content = path.read_bytes()
        damaged = bytearray(content)
        damaged[generator.randrange(len(content))] ^= 1 << generator.randrange(8)
        path.write_bytes(damaged)
        try:
            read = read_category(folder, "arm", 1)
        except UNREADABLE:
            counts["refused"] += 1
        else:
            counts["the same" if _same(read, whole) else "served"] += 1
        path.write_bytes(content)
    return counts


def _same(one: Category, other: Category) -> bool:
    shots = zip(one.shots, other.shots, strict=True)
    return (one.name, one.keypoint_names, one.edges) == (
        other.name,
        other.keypoint_names,
        other.edges,
    ) and all(
        np.array_equal(a.image, b.image)
        and np.array_equal(a.keypoints, b.keypoints)
        and np.array_equal(a.visible, b.visible)
        and a.box == b.box
        for a, b in shots
    )
