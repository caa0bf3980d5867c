"""Runs the benchmark groups one after the other, prints and saves the results."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from cape_ros.core.errors import CapeError, InvalidInput
from cape_ros.core.files import check_file_target
from cape_ros.core.plurals import counted
from cape_ros.lab.benchmark.clock import Durations, Group, interleave
from cape_ros.lab.benchmark.groups import groups
from cape_ros.lab.benchmark.machine import load, machine
from cape_ros.lab.benchmark.peak_memory import PeakMemory
from cape_ros.lab.benchmark.targets import Figure, figures
from cape_ros.perception.inference.device import find_device, find_precision

WARM_UP = 10
console = Console()


def run_benchmark(
    device: str,
    runs: int,
    only: Sequence[str] = (),
    file: Path | None = None,
    precision: str = "float32",
) -> None:
    """Print the groups as they come, and write all to a JSON file.

    only: how the names of the groups begin; none = all. precision: of every group but that which
    compares them. Raises `DeviceError`, and `InvalidInput` if there is no such group.
    """
    place = find_device(device)
    find_precision(precision, place)
    known = dict(groups(device, precision))
    begins = tuple(only) or ("",)
    chosen = {name: make for name, make in known.items() if name.startswith(begins)}
    if not chosen:
        raise InvalidInput.of("--only", f"no group begins so; there are: {'; '.join(known)}")
    if file:
        check_file_target(file, "--json")
    about = machine(place)
    console.print(
        f"{about['gpu'] or about['processor']}, {counted(about['cores'], 'core')}", highlight=False
    )
    measured, written = {}, []
    for name, make in chosen.items():
        before, peak = load(), PeakMemory(place)
        group = make()
        durations = time_group(group, runs)
        measured[name], memory = durations, peak.read()
        show(group, durations, memory)
        written.append(
            {"group": name, "memory [MB]": memory, "load before, after": [before, load()]}
            | {"rows": rows(group, durations)}
        )
        del group
        gc.collect()
    reached = list(figures(measured, place.type == "cuda"))
    show_figures(reached)
    settings = {
        "device": str(place),
        "precision": precision,
        "threads": torch.get_num_threads(),
        "runs": runs,
        "warm-up": WARM_UP,
        "turns": "one run of each row of a group after the other",
    }
    if file:
        content = {
            "machine": about,
            "settings": settings,
            "measured": time.strftime("%Y-%m-%d"),
            "figures": [asdict(figure) | {"met": figure.met} for figure in reached],
            "groups": written,
        }
        try:
            file.write_text(json.dumps(content, indent=1) + "\n")
        except OSError as error:
            raise CapeError(f"{file}: cannot be written: {error}") from error


def time_group(group: Group, runs: int) -> dict[str, Durations]:
    """By name of the row."""
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task(group.title, total=runs)
        seconds = []
        for one in interleave(group.rows, runs, WARM_UP):
            seconds.append(one)
            progress.advance(task)
    of_rows = np.stack(seconds, axis=1)
    return {row.name: Durations.of(each) for row, each in zip(group.rows, of_rows, strict=True)}


def rows(group: Group, durations: Mapping[str, Durations]) -> list[dict[str, Any]]:
    """A row of the JSON file: times in milliseconds, ratios of medians."""
    return [
        {
            "name": row.name,
            "includes": row.includes,
            **asdict(durations[row.name]),
            "ratios": {
                name: durations[row.name].median / durations[name].median
                for name in group.references
            },
        }
        for row in group.rows
    ]


def show(group: Group, durations: Mapping[str, Durations], memory: Mapping[str, float]) -> None:
    table = Table(
        "what",
        *("median ms", "p95", "p99", "processor"),
        *(f"/ {name}" for name in group.references),
        title=f"{group.title}: {counted(next(iter(durations.values())).runs, 'run')}",
        caption=", ".join(
            f"{place} memory at most {size:.0f} MB" for place, size in memory.items()
        ),
    )
    for row in rows(group, durations):
        times = (f"{row[key]:.2f}" for key in ("median", "p95", "p99", "processor"))
        ratios = (f"{ratio:.3f}" for ratio in row["ratios"].values())
        table.add_row(row["name"], *times, *ratios)
    console.print(table)
    for each in group.rows:
        console.print(f"  {each.name}: {each.includes}", style="dim", highlight=False)


def show_figures(reached: list[Figure]) -> None:
    table = Table("aim", "at most", "is", "", title="Aims")
    for figure in reached:
        word = "met" if figure.met else "missed"
        unit = figure.unit and f" {figure.unit}"
        table.add_row(figure.name, f"{figure.limit:.3g}{unit}", f"{figure.value:.3g}{unit}", word)
    if reached:
        console.print(table)
