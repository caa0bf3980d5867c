"""Ablation tables: runs that differ in a few options, evaluated on the same pairs.

A file of `config/tables/` is one `TableConfig`. Each row is a run in a folder of its own; one that
is there already is taken as it is, or goes on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from cape_ros.core.errors import InvalidInput
from cape_ros.lab.baselines import models
from cape_ros.lab.evaluation.cost import gflops
from cape_ros.lab.evaluation.methods import COPY
from cape_ros.lab.training.batches import all_annotated
from cape_ros.lab.training.config import PairsConfig, TrainingConfig
from cape_ros.lab.training.config_file import decode, read_config, read_mapping
from cape_ros.lab.training.distributed import Team
from cape_ros.lab.training.run_folder import RunFolder
from cape_ros.lab.training.trainer import train
from cape_ros.lab.training.validation import Validation

MEASURED = "measured."  # settings of the table itself start so; all others are of its runs


@dataclass(frozen=True)
class RowConfig:
    """settings: FIELD=VALUE over the table's configuration. paper: PCK@0.2 as published, percent.
    built: false for a method of the paper that is not here."""

    name: str
    settings: tuple[str, ...] = ()
    paper: float | None = None
    built: bool = True


@dataclass(frozen=True)
class TableConfig:
    """config: the training configuration that the rows stand on, a path from the table's file.
    leave_one_out: a row for each category of its annotations, trained without it and measured on
    it. start: also measure what each run started from."""

    title: str
    config: str
    measured: PairsConfig
    rows: tuple[RowConfig, ...] = ()
    leave_one_out: bool = False
    start: bool = False

    def __post_init__(self) -> None:
        if bool(self.rows) == self.leave_one_out:
            raise InvalidInput.of("rows", "give either rows or leave_one_out")
        if self.leave_one_out and self.measured.annotations:
            raise InvalidInput.of("measured.annotations", "what is left out is measured")


@dataclass(frozen=True)
class TableRow:
    """run: None if the method is not built."""

    config: RowConfig
    run: TrainingConfig | None
    folder: RunFolder

    def facts(self, table: TableConfig, device: torch.device) -> dict[str, Any]:
        """The facts of the row, once it is trained; PCK in percent."""
        row = {"row": self.config.name, "paper": self.config.paper, "built": self.config.built}
        if self.run is None:
            return row
        validation = Validation(self.run, table.measured)
        net, facts = models.load(self.folder.weights)
        metrics = validation.evaluate(net, device)
        row |= validation.mean(metrics)
        row["copy"] = validation.mean(metrics, COPY)["mPCK"]
        if table.start:
            start, _ = models.load(self.folder.start)
            row["start"] = validation.mean(validation.evaluate(start, device))["mPCK"]
        return row | {"gflops": gflops(net), "steps": facts["steps"], "hours": facts["hours"]}


def read_table(
    path: Path, settings: Iterable[str], out: Path
) -> tuple[TableConfig, list[TableRow]]:
    """settings: over every row's, or over the table's if they start with `measured.`. out: where
    the folders of the runs lie. Raises `InvalidInput` that names the fields."""
    settings = list(settings)
    given = [one for one in settings if not one.startswith(MEASURED)]
    table = decode(
        TableConfig, read_mapping(path, [one for one in settings if one.startswith(MEASURED)])
    )
    base = path.parent / table.config
    common = read_config(base, given)
    rows = []
    for row in leave_one_out_rows(common) if table.leave_one_out else table.rows:
        run = read_config(base, [*given, *row.settings]) if row.built else None
        name = f"{path.stem}_{_slug(row.name)}" if row.settings else common.name
        rows.append(TableRow(row, run, RunFolder(out / name)))
    built = [row for row in rows if row.run]
    if len({row.folder.path for row in built}) < len(built):
        names = ", ".join(row.config.name for row in built)
        raise InvalidInput.of("rows", f"two of these names mean the same folder: {names}")
    return table, rows


def leave_one_out_rows(config: TrainingConfig) -> list[RowConfig]:
    """A row for each category of the annotations, held out or not."""
    categories = all_annotated(config.data).categories
    return [
        RowConfig(name, (f"data.held_out={json.dumps([name])}",))
        for name in dict.fromkeys(categories.values())
    ]


def check_rows(table: TableConfig, rows: Sequence[TableRow]) -> None:
    """Raises `InvalidInput` before anything is trained if a row could not be measured."""
    for row in rows:
        if row.run:
            Validation(row.run, table.measured)


def train_rows(rows: Sequence[TableRow], team: Team, device: torch.device) -> int:
    """Every run to its end. Returns 0, or the number of the signal that stopped one."""
    begun = [row.folder.checkpoint.exists() for row in rows]
    team.wait()  # before any process makes a folder
    for row, resume in zip(rows, begun, strict=True):
        if row.run and (signal := train(row.run, row.folder.path, team, device, resume)):
            return signal
    return 0


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
