"""What a peer can do to a running node: a repeatable attack over its topics, services and web page.

    python benchmarks/attacks.py [--messages N] [--seed N] [--short] [--json FILE]

The node has the shipped network and three cameras, and runs in a process of its own beside a camera
at 10 Hz that follows an object and that nobody attacks. Linux only. The exit status is 1 if the
node crashed.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")

import typer
from rich.console import Console
from rig import attack
from rig.setting import machine

SHORT = 1 / 20  # of all numbers
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def attacks(
    messages: Annotated[int, typer.Option(help="Malformed messages.")] = 10_000,
    seed: int = 0,
    short: Annotated[bool, typer.Option(help="A twentieth of all the rest.")] = False,
    studio: Annotated[bool, typer.Option(help="Attack the web page, too.")] = True,
    file: Annotated[Path | None, typer.Option("--json", help="Write all of it there, too.")] = None,
) -> None:
    """Attack a node, and say what it bore."""
    found = attack.measure(messages, seed, SHORT if short else 1.0, studio)
    Console().print(attack.table(found))
    if file:
        file.write_text(json.dumps({"machine": machine(), "attacks": found}, indent=2))
    if found["crashes"]:
        raise typer.Exit(1)


if __name__ == "__main__":
    try:
        app()
    except RuntimeError as error:  # one of the processes failed
        sys.exit(f"attacks.py: {error}")
