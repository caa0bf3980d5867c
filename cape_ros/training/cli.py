"""`cape train`."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Annotated

import typer

from cape_ros.errors import InvalidInput, TrainingError


def train(
    config: Annotated[
        Path | None, typer.Argument(help="YAML file of config/training/; not for --plot, --replay.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder of the annotated images (data.root).")
    ] = None,
    photographs: Annotated[
        Path | None, typer.Option(help="Folder of images without annotations (data.photographs).")
    ] = None,
    imagenet: Annotated[
        str | None, typer.Option(help="Backbone's weights, file or name (start.imagenet).")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="FIELD=VALUE over the file's, such as optimiser.rate=1e-4."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of a new run; runs/NAME without it.")
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Go on with this run; CONFIG is not needed."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")] = "auto",
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write RUN/tensorboard, too.")
    ] = False,
    plot: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Only draw the curves of this run.")
    ] = None,
    replay: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Only look again at a step that was not finite."),
    ] = None,
) -> None:
    """Train a network as a file says; Ctrl-C saves, --resume goes on to the same result.

    [bold]cape train config/training/mp100_split1_1shot.yaml --data mp100[/bold]

    [bold]torchrun --nproc-per-node 4 --no-python cape train CONFIG ...[/bold] uses four GPUs.
    """
    if plot or replay:
        if config or resume or (plot and replay):
            raise InvalidInput.of("--plot, --replay", "stand alone")
        if plot:
            _plot(plot)
        elif replay:
            _replay(replay, device)
        return
    places = {"data.root": data, "data.photographs": photographs, "start.imagenet": imagenet}
    given = [
        f"{field}={json.dumps(str(value))}" for field, value in places.items() if value is not None
    ]
    _train(config, [*given, *(settings or [])], out, resume, device, tensorboard)


def _train(
    config: Path | None,
    settings: list[str],
    out: Path | None,
    resume: Path | None,
    device: str,
    tensorboard: bool,
) -> None:
    from cape_ros.training.config_file import PLACES, flat, read_config, to_mapping
    from cape_ros.training.run_folder import RunFolder
    from cape_ros.training.team import gather
    from cape_ros.training.trainer import train as run

    if resume:
        if out:
            raise InvalidInput.of("--out", "a run that goes on stays in its folder")
        began_as = RunFolder(resume).config
        known = flat(to_mapping(read_config(began_as)))
        places = [f"{place}={json.dumps(known[place])}" for place in PLACES if place in known]
        told = read_config(config or began_as, [*places, *settings])
    elif config:
        told = read_config(config, settings)
    else:
        raise InvalidInput.of("CONFIG", "is missing; a file such as config/training/cape_r18.yaml")
    folder = resume or out or Path("runs") / told.name
    with gather(device) as (team, found):
        signal = run(told, folder, team, found, resume is not None, tensorboard)
        leads = team.leads
    if not leads:
        raise typer.Exit(128 + signal if signal else 0)
    if signal:
        words = ["cape", "train", *([str(config)] if config else []), "--resume", str(folder)]
        typer.echo(f"stopped and saved; go on with: {shlex.join(words)}", err=True)
        raise typer.Exit(128 + signal)
    typer.echo(f"{RunFolder(folder).weights}")
    try:
        _plot(folder)
    except TrainingError as error:  # the run itself is whole
        typer.echo(f"no picture: {error}", err=True)


def _plot(run: Path) -> None:
    from cape_ros.training.plot import plot_log
    from cape_ros.training.run_folder import RunFolder

    folder = RunFolder(run)
    plot_log(folder.log, folder.curves, run.resolve().name)
    typer.echo(f"{folder.curves}")


def _replay(path: Path, device: str) -> None:
    from cape_ros.perception.device import find_device
    from cape_ros.training.replay import replay

    for line in replay(path, find_device(device)).lines():
        typer.echo(line)
