"""The command `cape lab bench`: times of the network, a frame and a registration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def bench(
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")] = "auto",
    precision: Annotated[str, typer.Option(help="float32, float16, bfloat16")] = "float32",
    short: Annotated[
        bool, typer.Option("--short", help="10 runs of each, minutes instead of an hour.")
    ] = False,
    runs: Annotated[int, typer.Option(min=1, help="Of each, after those that do not count.")] = 200,
    only: Annotated[
        list[str] | None, typer.Option(help="Groups whose names begin so; may be given again.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write all of it here too.")
    ] = None,
) -> None:
    """Measure what a frame costs here, beside the release; docs/how-to/measure-performance.md.

    [bold]cape lab bench --only "one object, resnet50"[/bold]
    """
    from cape_ros.lab.benchmark.run import run_benchmark

    run_benchmark(device, 10 if short else runs, only or (), json_file, precision)
