"""Commands that train networks: train, table."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cape_ros.core.errors import InvalidInput, TrainingError
from cape_ros.core.files import check_folder_target, write_file

Data = Annotated[Path | None, typer.Option(help="Folder of the annotated images (data.root).")]
Photographs = Annotated[
    Path | None, typer.Option(help="Folder of images without annotations (data.photographs).")
]
Rendered = Annotated[
    Path | None, typer.Option(help="Views made by cape lab render (data.rendered).")
]
Imagenet = Annotated[
    str | None, typer.Option(help="Backbone's weights, file or name (start.imagenet).")
]
AllowMissing = Annotated[
    bool,
    typer.Option(
        "--allow-missing",
        help="Leave out objects whose image does not exist (data.allow_missing).",
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", help="FIELD=VALUE over the file's, such as optimiser.rate=1e-4."),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")]


def add_to(app: typer.Typer) -> None:
    """Register the verbs."""
    app.command()(train)
    app.command()(table)


def train(
    config: Annotated[
        Path | None, typer.Argument(help="YAML file of config/training/; not for --plot, --replay.")
    ] = None,
    data: Data = None,
    photographs: Photographs = None,
    rendered: Rendered = None,
    imagenet: Imagenet = None,
    allow_missing: AllowMissing = False,
    settings: Settings = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of a new run; runs/NAME without it.")
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Go on with this run; CONFIG is not needed."),
    ] = None,
    device: Device = "auto",
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write RUN/tensorboard, too.")
    ] = False,
    plot: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Only draw the curves of this run.")
    ] = None,
    replay: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Only replay a step that was not finite."),
    ] = None,
) -> None:
    """Train a network as a file says; Ctrl-C saves, --resume goes on to the same result.

    [bold]cape lab train config/training/mp100_split1_1shot.yaml --data mp100[/bold]

    [bold]torchrun --nproc-per-node 4 --no-python cape lab train CONFIG ...[/bold] uses four GPUs.
    """
    if plot or replay:
        if config or resume or (plot and replay):
            raise InvalidInput.of("--plot, --replay", "stand alone")
        if plot:
            _plot(plot)
        elif replay:
            _replay(replay, device)
        return
    given = _settings(data, photographs, rendered, imagenet, allow_missing, settings)
    _train(config, given, out, resume, device, tensorboard)


def table(
    config: Annotated[Path, typer.Argument(metavar="TABLE", help="YAML file of config/tables/.")],
    data: Data = None,
    photographs: Photographs = None,
    rendered: Rendered = None,
    imagenet: Imagenet = None,
    allow_missing: AllowMissing = False,
    settings: Settings = None,
    out: Annotated[
        Path, typer.Option(help="Folder of the runs, a folder each, and of the numbers.")
    ] = Path("runs"),
    device: Device = "auto",
) -> None:
    """Train and measure every row of a table (paper, ablations); docs/how-to/own-weights.md.

    [bold]cape lab table config/tables/a1.yaml --data mp100[/bold]

    A run that is there already is not trained again; the same command goes on after Ctrl-C. A field
    of --set that starts with measured. is the table's own: measured.pairs=20.
    """
    from cape_ros.lab.training.distributed import gather
    from cape_ros.lab.training.table import check_rows, read_table, train_rows
    from cape_ros.lab.training.table_report import show

    check_folder_target(out, "--out")
    described, rows = read_table(
        config, _settings(data, photographs, rendered, imagenet, allow_missing, settings), out
    )
    check_rows(described, rows)
    with gather(device) as (team, torch_device):
        signal, leads = train_rows(rows, team, torch_device), team.leads
    if signal:
        if leads:
            typer.echo("stopped and saved; the same command goes on", err=True)
        raise typer.Exit(128 + signal)
    if leads:
        facts = [row.facts(described, torch_device) for row in rows]
        show(described, facts, Console())
        numbers = out / f"{config.stem}.json"
        write_file(numbers, json.dumps({"title": described.title, "rows": facts}, indent=1) + "\n")
        typer.echo(f"{numbers}")


def _settings(
    data: Path | None,
    photographs: Path | None,
    rendered: Path | None,
    imagenet: str | None,
    allow_missing: bool,
    more: list[str] | None,
) -> list[str]:
    places = {
        "data.root": data,
        "data.photographs": photographs,
        "data.rendered": rendered,
        "start.imagenet": imagenet,
    }
    given = {field: str(value) for field, value in places.items() if value is not None}
    settings = [f"{field}={json.dumps(value)}" for field, value in given.items()]
    return [*settings, *(["data.allow_missing=true"] if allow_missing else []), *(more or [])]


def _train(
    config: Path | None,
    settings: list[str],
    out: Path | None,
    resume: Path | None,
    device: str,
    tensorboard: bool,
) -> None:
    from cape_ros.lab.training.config_file import PLACES, flat, read_config, to_mapping
    from cape_ros.lab.training.distributed import gather
    from cape_ros.lab.training.run_folder import RunFolder
    from cape_ros.lab.training.trainer import train as run

    if resume:
        if out:
            raise InvalidInput.of("--out", "a run that goes on stays in its folder")
        began_as = RunFolder(resume).config
        known = flat(to_mapping(read_config(began_as)))
        places = [f"{place}={json.dumps(known[place])}" for place in PLACES if place in known]
        wanted = read_config(config or began_as, [*places, *settings])
    elif config:
        wanted = read_config(config, settings)
    else:
        raise InvalidInput.of("CONFIG", "is missing; a file such as config/training/cape_r18.yaml")
    folder = resume or out or Path("runs") / wanted.name
    with gather(device) as (team, torch_device):
        signal = run(wanted, folder, team, torch_device, resume is not None, tensorboard)
        leads = team.leads
    if not leads:
        raise typer.Exit(128 + signal if signal else 0)
    if signal:
        words = shlex.join(["cape", "lab", "train", "--resume", str(folder)])
        typer.echo(f"stopped and saved; go on with: {words}", err=True)
        raise typer.Exit(128 + signal)
    typer.echo(f"{RunFolder(folder).weights}")
    try:
        _plot(folder)
    except TrainingError as error:  # the run itself is whole
        typer.echo(f"no picture: {error}", err=True)


def _plot(run: Path) -> None:
    from cape_ros.lab.training.plot import plot_log
    from cape_ros.lab.training.run_folder import RunFolder

    folder = RunFolder(run)
    plot_log(folder.log, folder.curves, run.resolve().name)
    typer.echo(f"{folder.curves}")


def _replay(path: Path, device: str) -> None:
    from cape_ros.lab.training.replay import replay
    from cape_ros.perception.inference.device import find_device

    for line in replay(path, find_device(device)).lines():
        typer.echo(line)
