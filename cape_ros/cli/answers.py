"""Writes the results of `cape estimate` as JSON lines or CSV, one row for each object."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import typer

from cape_ros.core.errors import SourceError
from cape_ros.core.files import check_file_target

if TYPE_CHECKING:
    from cape_ros.perception.category import Category
    from cape_ros.perception.objects import ObjectKeypoints

Row = dict[str, Any]
PLAIN = ("file", "frame", "category", "category_version", "found", "score", "track_id")


def row(file: str, frame: int | None, category: Category, answer: ObjectKeypoints | None) -> Row:
    """answer: None = no object is there; its keypoints have no place."""
    fields = answer.to_dict() if answer else _nothing(category)
    fields |= {"file": file, "frame": frame, "found": answer is not None}
    return {name: fields[name] for name in (*PLAIN, "box", "keypoints")}


def _nothing(category: Category) -> Row:
    nowhere = {"x": None, "y": None, "score": 0.0}
    return {
        "category": category.name,
        "category_version": category.version,
        "score": 0.0,
        "track_id": -1,
        "box": [None] * 4,
        "keypoints": [{"name": name, **nowhere} for name in category.keypoint_names],
    }


def check_answers_target(out: Path) -> None:
    """Whether `answers_to` can write there. Raises `InvalidInput`."""
    if out.suffix not in (".jsonl", ".csv"):
        raise typer.BadParameter(f"--out {out}: give a name that ends in .jsonl or .csv")
    check_file_target(out, "--out")


@contextmanager
def answers_to(
    out: Path | None, category: Category, single: bool
) -> Iterator[Callable[[Row], None]]:
    """A function that writes one row. Raises `SourceError`."""
    if out is None:
        yield lambda row: print(json.dumps(row, indent=2 if single else None), flush=True)
        return
    try:
        # A file's name may be none in UTF-8; JSON has it with the same escapes.
        file = out.open("w", encoding="utf-8", errors="backslashreplace", newline="")
    except OSError as error:
        raise SourceError(f"{out}: cannot be written: {error.strerror}") from error
    with file:
        if out.suffix == ".csv":
            yield _csv(file, category.keypoint_names)
        else:
            yield lambda row: print(json.dumps(row), file=file, flush=True)


def _csv(file: TextIO, names: Sequence[str]) -> Callable[[Row], None]:
    """A row an object: three columns for each keypoint."""
    writer = csv.writer(file)
    box = ("box_x", "box_y", "box_width", "box_height")
    points = [f"{name}_{what}" for name in names for what in ("x", "y", "score")]
    writer.writerow([*PLAIN, *box, *points])

    def write(row: Row) -> None:
        points = [point[what] for point in row["keypoints"] for what in ("x", "y", "score")]
        values = [row[name] for name in PLAIN]
        values[PLAIN.index("found")] = int(row["found"])
        writer.writerow([*values, *row["box"], *points])
        file.flush()

    return write
