"""The summary of a demo run as a table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from cape_ros.demo.scoreboard import LEGEND, Figures

FILE = "summary.json"
TOTAL = "all"
ROWS = {  # field -> heading, format
    "frames_sent": ("frames sent", "{:d}"),
    "frames_answered": ("frames answered", "{:d}"),
    "frames_dropped": ("frames dropped", "{:d}"),
    "frames_reported": ("object reported", "{:d}"),
    "frames_per_second": ("frames/s answered", "{:.1f}"),
    "latency_median_ms": ("latency, median", "{:.0f} ms"),
    "latency_p95_ms": ("latency, p95", "{:.0f} ms"),
    "error_median_px": ("error, median", "{:.1f} px"),
    "pck": ("PCK@0.1", "{:.0%}"),
    "right_share": ("right of answered", "{:.0%}"),
    "identity_switches": ("identity switches", "{:d}"),
}


def write(folder: Path, scenes: Mapping[str, Figures], total: Figures) -> Path:
    """summary.json: the figures of each scene and of all, and what each of them includes."""
    path = folder / FILE
    content = {
        "scenes": {name: asdict(figures) for name, figures in scenes.items()},
        "total": asdict(total),
        "legend": LEGEND,
    }
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return path


def show(console: Console, scenes: Mapping[str, Figures], total: Figures) -> None:
    """A table with a legend; figures that need a truth are left out where there is none."""
    columns = {**scenes, TOTAL: total} if len(scenes) > 1 else scenes
    table = Table("", box=SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        table.add_column(name, justify="right", style="bold" if name == TOTAL else "")
    shown = [field for field in ROWS if getattr(total, field) is not None]
    for field in shown:
        table.add_row(ROWS[field][0], *(_cell(figures, field) for figures in columns.values()))
    legend = Table.grid(padding=(0, 2))
    for field in shown:
        legend.add_row(ROWS[field][0], LEGEND[field])
    legend.columns[0].style = "bold"
    console.print(table, Padding(legend, (0, 0, 1, 0)))


def _cell(figures: Figures, field: str) -> str:
    value = getattr(figures, field)
    return "-" if value is None else ROWS[field][1].format(value)
