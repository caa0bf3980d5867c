"""Training runs as a person starts them, and what their logs say."""

from __future__ import annotations

import csv
import time
from pathlib import Path

import torch
from command_line import cape
from forks import Forks, Process

COMMAND = """
import os, sys
import torch
from cape_ros.cli import main
os.setsid()
torch.set_num_threads({threads})
sys.exit(main())
"""


def cape_train(*words: object) -> int:
    """The exit status of `cape lab train WORDS` in this process, on the CPU."""
    return cape("lab", "train", *words, *(() if "--plot" in words else ON_CPU))


ON_CPU = ("--device", "cpu")
PATIENCE = 300.0  # [s] with a process, on a machine that is busy with something else


def begun(forks: Forks, *words: object) -> Process:
    """`cape lab train WORDS` in a process group of its own, that adds up as this process does."""
    command = COMMAND.format(threads=torch.get_num_threads())
    return forks.start(["-c", command, "lab", "train", *words, *ON_CPU])


def rows(run: Path, name: str = "log.csv") -> list[dict[str, str]]:
    """The log as it is written, digit by digit, without the times."""
    if not (run / name).exists():
        return []
    with (run / name).open(newline="") as file:
        found = list(csv.DictReader(file))
    for row in found:
        row.pop("seconds", None)
    return found


def wait_for_rows(run: Path, count: int, process: Process) -> None:
    until = time.monotonic() + PATIENCE
    while len(rows(run)) < count:
        assert process.poll() is None, process.communicate(PATIENCE)
        assert time.monotonic() < until
        time.sleep(0.005)
