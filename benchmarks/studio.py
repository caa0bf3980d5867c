"""What Studio costs the node, how old its live view is, and how much a browser loads.

    python benchmarks/studio.py [--seconds 10] [--rounds 6] [--json FILE]

The shipped network answers a moving photograph as fast as it can, in one process; three viewers
come and go in another one, so that a slow drift of the machine counts for both. The age is that of
a frame when a viewer has decoded it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from rich.console import Console
from rich.table import Table

from cape_ros.studio.app import PAGE

BENCHMARKS = Path(__file__).resolve().parent
SETTLING = 2.0  # [s] until viewers have come, or have gone
WARMING_UP = 5.0  # [s]


class Child:
    """A module of the rig with pipes."""

    def __init__(self, module: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"rig.{module}", *arguments],
            cwd=BENCHMARKS,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if not line:
            sys.exit("studio.py: a process of the benchmark has ended too early")
        return line

    def ask(self) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return json.loads(self.read())

    def end(self) -> str:
        """The rest of its output."""
        printed, _ = self._process.communicate("")
        return printed


def measure(seconds: float, rounds: int, viewers: int, rate: float) -> dict[str, Any]:
    server = Child("studio_server", str(rate))
    address = server.read().replace("http", "ws") + "api/live"

    def over_some_seconds() -> tuple[float, float, float]:
        """Frames answered a second, and the processor seconds of Studio and all else for each."""
        before = server.ask()
        time.sleep(seconds)
        after = server.ask()
        took, frames, studio, others = (
            after[key] - before[key] for key in ("at", "answered", "studio", "others")
        )
        return frames / took, studio / frames, others / frames

    time.sleep(WARMING_UP)
    without, watched, costs, own = [], [], [], []
    for _ in range(rounds):
        time.sleep(SETTLING)
        rate_alone, _, others = over_some_seconds()
        without.append(rate_alone)
        own.append(others)
        watching = Child("viewers", address, str(viewers), "aside")
        time.sleep(SETTLING)
        rate_watched, spent, _ = over_some_seconds()
        watched.append(rate_watched)
        costs.append(spent)
        watching.end()
    watching = Child("viewers", address, str(viewers), "drawing")
    time.sleep(seconds * rounds / 2)
    counted = json.loads(watching.end())
    server.end()
    ages = np.array(counted["first"])
    beyond = ages[:, 0] - ages[:, 1]
    files = [path for path in PAGE.rglob("*") if path.is_file()]
    return {
        "viewers": viewers,
        "rate_without": without,
        "rate_watched": watched,
        "share": float(np.median(np.array(watched) / np.array(without))),
        "studio_ms": 1e3 * float(np.median(costs)),
        "node_ms": 1e3 * float(np.median(own)),
        "age_median_ms": float(np.median(ages[:, 0])),
        "age_p95_ms": float(np.percentile(ages[:, 0], 95)),
        "beyond_network_median_ms": float(np.median(beyond)),
        "beyond_network_p95_ms": float(np.percentile(beyond, 95)),
        "frames_drawn": len(ages),
        "frame_kilobytes": counted["octets"] / counted["frames"] / 1e3,
        "page_kilobytes": sum(path.stat().st_size for path in files) / 1e3,
        "page_files": len(files),
    }


def table(found: dict[str, Any]) -> Table:
    made = Table("what", "measured", "aim")
    without, watched = (float(np.median(found[f"rate_{k}"])) for k in ("without", "watched"))
    made.add_row("node, no viewers", f"{without:.1f} frames/s", "")
    made.add_row(f"node, {found['viewers']} viewers", f"{watched:.1f} frames/s", "")
    made.add_row("share, median of the rounds", f"{found['share']:.1%}", "95 % or more")
    spent = f"{found['studio_ms']:.1f} ms a frame, of the node without it {found['node_ms']:.1f} ms"
    made.add_row("Studio's processor time", spent, "")
    made.add_row("age when drawn, median", f"{found['age_median_ms']:.0f} ms", "")
    made.add_row("age when drawn, p95", f"{found['age_p95_ms']:.0f} ms", "")
    beyond = found["beyond_network_p95_ms"]
    made.add_row("beyond the network's time, p95", f"{beyond:.0f} ms", "150 ms or less")
    made.add_row("a frame", f"{found['frame_kilobytes']:.0f} kB", "")
    page = f"{found['page_kilobytes']:.0f} kB in {found['page_files']} files"
    made.add_row("the whole page", page, "300 kB or less")
    return made


def main(
    seconds: Annotated[float, typer.Option(help="Of each measurement.")] = 10.0,
    rounds: Annotated[int, typer.Option(help="Without and with viewers.")] = 6,
    viewers: int = 3,
    rate: Annotated[float, typer.Option(help="Of the camera, in frames/s.")] = 30.0,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write all of it there, too.")
    ] = None,
) -> None:
    """What Studio costs the node, how old its live view is, and how much a browser loads."""
    found = measure(seconds, rounds, viewers, rate)
    console = Console()
    console.print(table(found))
    console.print(
        f"{len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}, torch "
        f"{torch.__version__} with {torch.get_num_threads()} threads",
        highlight=False,
    )
    if json_file:
        json_file.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    typer.run(main)
