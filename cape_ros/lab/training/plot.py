"""Plots the log of a run: loss terms, learning rate, gradient norm, validation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cape_ros.core.errors import TrainingError
from cape_ros.core.extras import how_to_install
from cape_ros.core.plurals import counted
from cape_ros.lab.training.log import read_log, validations_beside

INK, PALE, GRID = "#1f2430", "#9aa3b5", "#e3e6ee"
COLOURS = ("#2a6f97", "#d1495b", "#3a7d44", "#e09f3e", "#7b5ea7", "#118ab2", "#8d5524")
WINDOW = 25  # a running mean goes over the steps of a run divided by this


def plot_log(log: Path, picture: Path, title: str) -> None:
    """Raises `TrainingError` if there is no log, or without matplotlib."""
    columns = read_log(log)
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise TrainingError(f"curves need matplotlib; {how_to_install('train')}") from error
    steps = np.array(columns.pop("step"))
    seconds = columns.pop("seconds")
    loss, rate, gradient = (np.array(columns.pop(name)) for name in ("loss", "rate", "gradient"))
    validations = validations_beside(log)
    measured = read_log(validations) if validations.exists() else {}
    figure = Figure(figsize=(15 if measured else 11, 6.2), dpi=110, layout="constrained")
    figure.suptitle(
        f"{title}: {counted(len(steps), 'step')}, {seconds[-1] / 3600:.2f} h",
        color=INK,
        x=0.01,
        ha="left",
    )
    places = [["loss", "terms"], ["rate", "gradient"]]
    if measured:
        places = [[*row, "validation"] for row in places]
    axes = figure.subplot_mosaic(places, height_ratios=[2, 1])  # type: ignore[arg-type]
    _curve(axes["loss"], steps, loss, COLOURS[0], "loss", raw=True)
    drawn = {name: np.array(values) for name, values in columns.items() if any(values)}
    for at, (name, values) in enumerate(drawn.items()):
        _curve(axes["terms"], steps, values, COLOURS[at % len(COLOURS)], _readable(name))
    axes["terms"].legend(frameon=False, fontsize=8, ncols=2)
    _curve(axes["rate"], steps, rate, COLOURS[0], "rate", smooth=False)
    _curve(axes["gradient"], steps, gradient, COLOURS[0], "gradient", raw=True)
    for name, heading in (
        ("loss", "loss: each step, and a running mean"),
        ("terms", "its terms, running means"),
        ("rate", "learning rate, part of the highest"),
        ("gradient", "norm of the gradient, before it is cut"),
    ):
        _dress(axes[name], heading, logarithmic=name in ("terms", "gradient"))
    if measured:
        _plot_validations(axes["validation"], measured, len(steps))
    try:
        figure.savefig(picture)
    except (OSError, ValueError) as error:
        raise TrainingError(f"{picture}: cannot be written: {error}") from error


def _plot_validations(axes: Any, measured: dict[str, list[float]], steps: int) -> None:
    at = np.array(measured.pop("step")) + 1  # that many steps were done
    for number, (name, values) in enumerate(measured.items()):
        axes.plot(at, values, color=COLOURS[number], marker=".", linewidth=1.6, label=name)
    axes.legend(frameon=False, fontsize=8)
    axes.set_xlim(0, steps)
    _dress(axes, "validation: unseen categories, percent", logarithmic=False)


def running_mean(values: np.ndarray) -> np.ndarray:
    """[N] -> [N], over a window that is cut off at both ends."""
    reach = max(1, len(values) // WINDOW) // 2
    sums = np.concatenate(([0.0], np.cumsum(values)))
    at = np.arange(len(values))
    low, high = np.maximum(at - reach, 0), np.minimum(at + reach + 1, len(values))
    means: np.ndarray = (sums[high] - sums[low]) / (high - low)
    return means


def _curve(
    axes: Any,
    steps: np.ndarray,
    values: np.ndarray,
    colour: str,
    label: str,
    raw: bool = False,
    smooth: bool = True,
) -> None:
    if raw:
        axes.plot(steps, values, color=colour, alpha=0.25, linewidth=0.8)
    axes.plot(
        steps,
        running_mean(values) if smooth else values,
        color=colour,
        linewidth=1.6,
        label=label,
        marker="." if len(steps) == 1 else None,
    )


def _dress(axes: Any, heading: str, logarithmic: bool) -> None:
    axes.set_title(heading, fontsize=10, color=INK, loc="left")
    axes.set_xlabel("step", fontsize=9, color=INK)
    axes.tick_params(colors=INK, labelsize=8)
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(PALE)
    if logarithmic:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter("")
    else:
        axes.set_ylim(bottom=0)


def _readable(name: str) -> str:
    return name.replace("l1_loss_layer", "layer ").replace("_loss", "")
