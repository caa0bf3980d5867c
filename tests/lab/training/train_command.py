"""Training runs as a person starts them, and what their logs say."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import time
from pathlib import Path

import torch
from command_line import cape

COMMAND = "import sys; from cape_ros.cli import main; sys.exit(main())"


def cape_train(*words: object) -> int:
    """The exit status of `cape lab train WORDS` in this process, on the CPU."""
    return cape("lab", "train", *words, *(() if "--plot" in words else ON_CPU))


ON_CPU = ("--device", "cpu")


def begun(*words: object) -> subprocess.Popen[str]:
    """`cape lab train WORDS` in a process group of its own, that adds up as this process does."""
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, "lab", "train", *map(str, words), *ON_CPU],
        env=os.environ | {"OMP_NUM_THREADS": str(torch.get_num_threads())},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def rows(run: Path, name: str = "log.csv") -> list[dict[str, str]]:
    """The log as it is written, digit by digit, without the times."""
    if not (run / name).exists():
        return []
    with (run / name).open(newline="") as file:
        found = list(csv.DictReader(file))
    for row in found:
        row.pop("seconds", None)
    return found


def wait_for_rows(run: Path, count: int, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 300
    while len(rows(run)) < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.005)
