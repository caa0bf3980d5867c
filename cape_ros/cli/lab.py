"""The commands below `cape lab`: training, evaluation, benchmarks, weights."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from cape_ros.cli import evaluation as evaluation_verbs
from cape_ros.cli import training as training_verbs
from cape_ros.cli.benchmark import bench
from cape_ros.cli.common import Weights, say
from cape_ros.cli.render import render
from cape_ros.core.errors import InvalidInput
from cape_ros.core.files import check_file_target

lab = typer.Typer(
    help="Research: train, measure and compare networks; inspect weights.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
weights_app = typer.Typer(
    help="The weights that ship with the package, and released ones.", no_args_is_help=True
)
training_verbs.add_to(lab)
evaluation_verbs.add_to(lab)
lab.command()(bench)
lab.command()(render)
lab.add_typer(weights_app, name="weights")


@lab.command("export-onnx")
def export_onnx(
    out: Annotated[Path, typer.Argument(help="File to write.")] = Path("cape_ros.onnx"),
    weights: Weights = "shipped",
    keypoints: Annotated[
        int, typer.Option(min=1, max=100, help="Most keypoints of a category.")
    ] = 20,
    shots: Annotated[int, typer.Option(min=1, max=5, help="Most shots of a category.")] = 1,
) -> None:
    """Write the network as an ONNX file, and check it; docs/how-to/measure-performance.md.

    [bold]cape lab export-onnx mug.onnx --keypoints 12[/bold]
    """
    from cape_ros.model import checkpoints
    from cape_ros.model import weights as known_weights
    from cape_ros.model.export import FramePass, differences, write
    from cape_ros.model.scores import Calibration

    check_file_target(out, "OUT")
    net, facts = checkpoints.load(known_weights.find(weights))
    frame = FramePass(net, Calibration.from_facts(facts))
    write(frame, out, keypoints, shots)
    worst = differences(frame, out, keypoints, shots)
    say(
        f"{out}: {out.stat().st_size / 1e6:.1f} MB; onnxruntime is off PyTorch by at most "
        f"{worst['points']:.2g} px of the crop and {worst['scores']:.2g} of a score"
    )


@weights_app.command("list")
def list_weights() -> None:
    """Show every set of weights and whether it is here."""
    from rich.table import Table

    from cape_ros.model import weights

    table = Table("name", "what", "PCK@0.2 published", "here")
    table.add_row("shipped", "this project's own, ResNet-18", "", "yes")
    for release in weights.RELEASES.values():
        here = (weights.cache_folder() / f"{release.name}.safetensors").is_file()
        table.add_row(
            release.name,
            "the authors', ResNet-50, MP-100",
            f"{release.pck:.2f}",
            "yes" if here else f"cape lab weights fetch {release.name}",
        )
    say(table)


@weights_app.command("fetch")
def fetch_weights(name: Annotated[str, typer.Argument(help="Such as split1-1shot.")]) -> None:
    """Download released weights, check and convert them, and keep them in the cache.

    [bold]cape lab weights fetch split1-1shot[/bold]
    """
    from cape_ros.model import weights

    if name not in weights.RELEASES:
        raise InvalidInput.of("name", f"{name!r} is not one of {', '.join(weights.RELEASES)}")
    path = weights.fetch(weights.RELEASES[name], weights.cache_folder(), sys.stderr.isatty())
    say(f"{name}: {path}")


@weights_app.command("show")
def show_weights(
    name: Annotated[str, typer.Argument(help="A name or a file.")] = "shipped",
) -> None:
    """Show what network a set of weights is for, and where it comes from."""
    from cape_ros.model import checkpoints, weights

    path = weights.find(name)
    net, facts = checkpoints.load(path)
    parameters = sum(parameter.numel() for parameter in net.parameters())
    say(f"{path}\n{path.stat().st_size / 1e6:.1f} MB, {parameters:,} parameters")
    print(json.dumps({"config": net.config.to_dict(), "facts": facts}, indent=2))
