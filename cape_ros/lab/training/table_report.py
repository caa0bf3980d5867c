"""Prints an ablation table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from cape_ros.lab.evaluation.tables import COLUMNS, MEAN
from cape_ros.lab.training.table import TableConfig

FIGURES = (*COLUMNS, "start", "copy")
HEADINGS = {column: column.replace("@", "\n@") for column in COLUMNS} | {
    "paper": "paper\n@0.2",
    "start": "start\nmPCK",
    "copy": "copying\nmPCK",
    "gflops": "GFLOPs",
}
DIGITS = {"paper": 2, "gflops": 2}


def show(config: TableConfig, rows: Sequence[Mapping[str, Any]], console: Console) -> None:
    """A column that no row has is left out, and the cost if it is the same for all."""
    if config.leave_one_out:
        rows = [*rows, mean_of(rows)]
    values = {key: {row[key] for row in rows if row.get(key) is not None} for key in HEADINGS}
    keys = [key for key in HEADINGS if len(values[key]) > (key == "gflops")]
    table = Table(title=config.title, box=box.SIMPLE_HEAD)
    table.add_column("")
    for key in keys:
        table.add_column(HEADINGS[key], justify="right")
    for row in rows:
        if row["row"] == MEAN:
            table.add_section()
        name = row["row"] if row.get("built", True) else f"{row['row']} (not built)"
        table.add_row(name, *(_cell(key, row.get(key)) for key in keys))
    console.print(table)


def mean_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Of the figures that every row has."""
    known = [key for key in FIGURES if all(key in row for row in rows)]
    return {"row": MEAN} | {key: sum(row[key] for row in rows) / len(rows) for key in known}


def _cell(key: str, value: Any) -> str:
    return "-" if value is None else f"{value:.{DIGITS.get(key, 1)}f}"
