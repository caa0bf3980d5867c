"""Logs a run: log.csv for steps, validation.csv, a progress bar, and TensorBoard on request."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from cape_ros.core.errors import TrainingError
from cape_ros.core.extras import how_to_install

Row = Mapping[str, float]
LINES_EVERY = 50  # steps, where there is no terminal to draw a bar on


class RunLog:
    """Rows of one process; the others of a team have `path=None` and stay silent.

    done: steps whose rows are kept; a run that goes on writes the rest again. Numbers are written
    so that a float32 is read back as it was.
    """

    def __init__(self, path: Path | None, done: int, steps: int, tensorboard: bool = False):
        self._path, self._steps = path, steps
        self._console = Console(stderr=True, quiet=path is None)
        self._writer: Any = None
        if path is None:
            return
        self._rows, self._validations = _Rows(path, done), _Rows(validations_beside(path), done)
        if tensorboard:
            self._writer = _tensorboard(path.parent / "tensorboard", done)
        self._bar = Progress(
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]:.4f}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            disable=not sys.stderr.isatty(),
        )
        self._task = self._bar.add_task("training", total=steps, completed=done, loss=float("nan"))

    def __enter__(self) -> RunLog:
        if self._path:
            self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._path:
            self._bar.stop()
            self._rows.close()
            self._validations.close()
            if self._writer:
                self._writer.close()

    def write(self, step: int, seconds: float, values: Row) -> None:
        """One step. Raises `TrainingError` if the row cannot be written."""
        if not self._path:
            return
        self._rows.write(step, {"seconds": f"{seconds:.2f}", **_digits(values)})
        self._bar.update(self._task, advance=1, loss=values["loss"])
        if self._bar.disable and (step + 1) % LINES_EVERY == 0:
            self.say(f"step {step + 1} of {self._steps}: loss {values['loss']:.4f}")
        if self._writer:
            for name, value in values.items():
                self._writer.add_scalar(name, value, step)

    def write_validation(self, step: int, values: Row) -> None:
        """Logs the validation after a step. Raises `TrainingError` if the row cannot be written."""
        if not self._path:
            return
        self._validations.write(step, _digits(values))
        figures = ", ".join(f"{name} {value:.1f}" for name, value in values.items())
        self.say(f"step {step + 1} of {self._steps}: {figures}")
        if self._writer:
            for name, value in values.items():
                self._writer.add_scalar(f"validation/{name}", value, step)

    def say(self, text: str) -> None:
        """A line for the person who waits."""
        self._console.print(text, highlight=False, soft_wrap=True, markup=False)


class _Rows:
    """A file of rows, opened for the first one; those of the steps below `done` stay."""

    def __init__(self, path: Path, done: int):
        self._path, self._done = path, done
        self._file: Any = None

    def write(self, step: int, values: Mapping[str, str]) -> None:
        """Raises `TrainingError`."""
        try:
            if self._file is None:
                self._file = _keep(self._path, self._done)
            rows = csv.writer(self._file)
            if self._file.tell() == 0:
                rows.writerow(["step", *values])
            rows.writerow([step, *values.values()])
        except OSError as error:
            raise TrainingError(f"{self._path}: cannot be written: {error.strerror}") from error

    def close(self) -> None:
        if self._file:
            with suppress(OSError):  # of a full disk, that has been reported already
                self._file.close()


def _digits(values: Row) -> dict[str, str]:
    return {name: f"{value:.9g}" for name, value in values.items()}


def validations_beside(log: Path) -> Path:
    """The file of validations that belongs to a log."""
    return log.with_name("validation.csv")


def read_log(path: Path) -> dict[str, list[float]]:
    """The columns of a log. Raises `TrainingError` if there is none or it has no row."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        columns = {name: [float(row[name]) for row in rows] for name in rows[0]}
    except (OSError, IndexError, ValueError, TypeError) as error:
        raise TrainingError(f"{path}: not the log of a run that has taken a step") from error
    return columns


def _keep(path: Path, done: int) -> Any:
    """The log, open at its end, with the rows of the steps below `done`, replaced in one step."""
    kept: list[list[str]] = []
    if done and path.exists():
        # What a broken disk or an editor left is dropped, and costs no training.
        text = path.read_text(encoding="utf-8", errors="replace").replace("\0", "")
        header, *rows = [line.split(",") for line in text.splitlines()] or [[]]
        if header[:1] == ["step"]:
            kept = [header, *(row for row in rows if _is_whole(row, len(header), done))]
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(kept)
    temporary.replace(path)
    return path.open("a", newline="", buffering=1, encoding="utf-8")


def _is_whole(row: list[str], columns: int, done: int) -> bool:
    """Whether it is that of a step below `done`, with a number in every column."""
    try:
        return len(row) == columns and int(row[0]) < done and bool([float(each) for each in row])
    except ValueError:
        return False


def _tensorboard(folder: Path, done: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise TrainingError(
            f"--tensorboard: {error.name} is missing; {how_to_install('train')}"
        ) from error
    return SummaryWriter(str(folder), purge_step=done)
