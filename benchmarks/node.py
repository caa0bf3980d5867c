"""What the node costs, how old its results are, and how it lasts.

    python benchmarks/node.py cost | age | soak  [--json FILE]

Runs on the rclpy of this environment, and says which one it is. The node, a camera
and a robot run in three processes of this machine; in the network's place is one that takes a known
time (cost: none, age: 120 ms); the soak runs the shipped one. Linux only.
"""

from __future__ import annotations

import json
import os
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")

import typer
from rich.console import Console
from rich.table import Table
from rig import age, cost, soak
from rig.setting import machine

Seconds = Annotated[float, typer.Option(help="Of the measurement.")]
File = Annotated[Path | None, typer.Option("--json", help="Write all of it there, too.")]
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


class Reliability(str, Enum):
    reliable = "reliable"
    best_effort = "best_effort"


@app.command("cost")
def measure_cost(seconds: Seconds = 60.0, file: File = None) -> None:
    """What the node costs."""
    found = cost.measure(seconds)
    report("cost", found, cost.table(found), file)


@app.command("age")
def measure_age(seconds: Seconds = 60.0, file: File = None) -> None:
    """How old its results are."""
    found = age.measure(seconds)
    report("age", found, age.table(found), file)


@app.command("soak")
def measure_soak(
    minutes: float = 30.0,
    reliability: Annotated[Reliability, typer.Option(help="Of the images.")] = Reliability.reliable,
    file: File = None,
) -> None:
    """How it lasts."""
    found = soak.measure(60 * minutes, reliability.value)
    report("soak", found, soak.table(found), file)


def report(what: str, found: dict[str, Any], made: Table, file: Path | None) -> None:
    about = machine()
    console = Console()
    console.print(made)
    console.print(
        f"{about['middleware']}, {about['cores']} cores of {about['processor']}, "
        f"Python {about['python']}",
        highlight=False,
    )
    if file:
        file.write_text(json.dumps({"machine": about, what: found}, indent=2))


if __name__ == "__main__":
    try:
        app()
    except RuntimeError as error:  # one of the processes failed
        sys.exit(f"node.py: {error}")
