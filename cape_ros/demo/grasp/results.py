"""The table of a run, and its file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from cape_ros.demo.grasp.trial import CAUSES, Outcome

FILE = "grasps.json"
ANGLES = (0, 10, 20, 30, 45, 60, 180)  # [degrees] ends of the classes of the table


def write(path: Path, outcomes: Sequence[Outcome], setting: dict[str, Any]) -> None:
    content = {"setting": setting, "grasps": [asdict(each) for each in outcomes]}
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def show(console: Console, outcomes: Sequence[Outcome]) -> None:
    """For each object, and for each class of angles between the views, what happened."""
    names = list(dict.fromkeys(each.object for each in outcomes))
    rows = {name: [each for each in outcomes if each.object == name] for name in names}
    if len(names) > 1:
        rows["all"] = list(outcomes)
    for low, high in pairwise(ANGLES):
        if chosen := [each for each in outcomes if low <= each.view < high]:
            rows[f"{low} to {high}°"] = chosen
    table = Table("", "lifted", *CAUSES, "error", box=SIMPLE_HEAD, pad_edge=False)
    table.columns[0].no_wrap = table.columns[1].no_wrap = True
    for column in table.columns[1:]:
        column.justify = "right"
        column.min_width = max(map(len, str(column.header).split()))
    for name, chosen in rows.items():
        lifted, causes = sum(each.lifted for each in chosen), Counter(c.cause for c in chosen)
        off = [each.millimetres for each in chosen if each.millimetres is not None]
        table.add_row(
            name,
            f"{lifted} of {len(chosen)}",
            *(str(causes[cause]) for cause in CAUSES),
            f"{np.median(off):.0f} mm" if off else "-",
        )
    console.print(table)
    console.print(
        "lifted: by 10 cm, and held for 1 s. Angles: between the sides seen in the registered "
        "image and now. error: of the frame's origin, median.",
        highlight=False,
    )
