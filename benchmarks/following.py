"""How far is the target of follow_object.py from the object? python benchmarks/following.py

Positions with the noise of a measurement, at 30 images a second, and what their filter expects when
a result arrives and half an image later. The root mean square of the error along the motion.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

from constant_velocity import Motion

FRAME = 1 / 30  # [s] between two images
AGES = (0.1, 0.1 + FRAME / 2)  # [s] of a result when a target is published
NOISE = 0.002  # [m] on each axis
ACCELERATIONS = (0.05, 0.2, 0.5)
FRAMES, SETTLED = 600, 30  # the first are not counted

Path1D = Callable[[float], float]  # [m] at a time [s]
MOTIONS: dict[str, Path1D] = {
    "none": lambda time: 0.0,
    "0.2 m/s, straight": lambda time: 0.2 * time,
    "0.2 m/s, reversed every two seconds": lambda time: 0.4 * (1 - abs(time % 4 / 2 - 1)),
    "sine, 10 cm, 0.25 Hz": lambda time: 0.1 * np.sin(2 * np.pi * 0.25 * time),
    "sine, 10 cm, 0.5 Hz": lambda time: 0.1 * np.sin(2 * np.pi * 0.5 * time),
}


def errors(path: Path1D, acceleration: float) -> tuple[float, float]:
    """[m] of the last result itself, and of the target."""
    variance = np.full(3, NOISE**2)
    noise = np.random.default_rng(1).normal(0, NOISE, (FRAMES, 3))
    results, targets = [], []
    motion = Motion(0.0, noise[0] + (path(0.0), 0, 0), variance)
    for number in range(1, FRAMES):
        seen = number * FRAME
        position = noise[number] + (path(seen), 0, 0)
        motion.update(seen, position, variance, acceleration)
        results += [position[0] - path(seen + age) for age in AGES]
        targets += [motion.after(age)[0] - path(seen + age) for age in AGES]
    settled = np.array((results, targets))[:, SETTLED * len(AGES) :]
    result, target = np.sqrt(np.square(settled).mean(axis=1))
    return float(result), float(target)


def main() -> None:
    table = Table("motion", "last result, mm", *(f"acceleration {each}" for each in ACCELERATIONS))
    for name, path in MOTIONS.items():
        found = [errors(path, acceleration) for acceleration in ACCELERATIONS]
        table.add_row(
            name, *(f"{1e3 * each:.1f}" for each in (found[0][0], *(t for _, t in found)))
        )
    Console().print(table)


if __name__ == "__main__":
    main()
