"""`cape …`: one verb per thing that a person does.

What takes seconds to import is imported by the verb that needs it, so that help comes at once.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from cape_ros.benchmark.cli import bench
from cape_ros.core import fastdds
from cape_ros.core.extras import require_rclpy
from cape_ros.core.images import read_image, write_image
from cape_ros.errors import InvalidInput, exit_status
from cape_ros.evaluation import cli as evaluation_verbs
from cape_ros.studio.cli import serve
from cape_ros.training import cli as training_verbs

DEFAULT_LIBRARY = Path("~/.local/share/cape_ros/library")
app = typer.Typer(
    help="Keypoints of any object from one annotated example.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
weights_app = typer.Typer(help="The weights that ship with the package, and released ones.")
app.add_typer(weights_app, name="weights", no_args_is_help=True)
training_verbs.add_to(app)
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(serve)
console = Console()

Library = Annotated[Path, typer.Option(help="Folder of the registered categories.")]
Weights = Annotated[str, typer.Option(help="A file, or a name that `cape weights list` shows.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")]


@app.command()
def demo(
    video: Annotated[Path | None, typer.Option(help="Your own video instead.")] = None,
    camera: Annotated[int | None, typer.Option(help="Your own camera, by number.")] = None,
    keypoints: Annotated[
        Path | None, typer.Option(help="JSON file with the keypoints of your own input.")
    ] = None,
    frames: Annotated[
        int | None, typer.Option(help="Of each scene; 60 of a photograph, else 300.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for what was found.")] = Path("demo_out"),
    weights: Weights = "shipped",
    device: Device = "auto",
) -> None:
    """Start a node and a camera, register objects, and show what is found in every frame.

    [bold]cape demo[/bold] moves photographs, so the error is known.

    [bold]cape demo --video mug.mp4 --keypoints mug.json[/bold] takes your own images.
    """
    require_rclpy()
    fastdds.use_profile()
    import cape_ros.ros  # noqa: F401  what it says comes before an ImportError of the demo
    from cape_ros.demo.run import run_demo

    raise typer.Exit(
        run_demo(
            video=video,
            camera=camera,
            out=out,
            keypoints=keypoints,
            frames=frames,
            weights=weights,
            device=device,
        )
    )


@app.command()
def register(
    image: Annotated[Path, typer.Argument(help="Photograph that shows the object.")],
    keypoints: Annotated[Path, typer.Option(help="JSON file with the keypoints in it.")],
    name: Annotated[str | None, typer.Option(help="Name of the category.")] = None,
    add: Annotated[bool, typer.Option("--add", help="One more shot of a known category.")] = False,
    library: Library = DEFAULT_LIBRARY,
) -> None:
    """Register a category from one annotated image; a node finds it at its next start.

    [bold]cape register mug.png --keypoints mug.json[/bold]

    [bold]cape register mug2.png --keypoints mug2.json --add[/bold]
    """
    from dataclasses import replace

    from cape_ros.perception.annotation import read_annotation

    annotated = read_annotation(keypoints).category(read_image(image), name)
    shelf = open_library(library)
    if add:
        known = shelf.get(annotated.name)
        if known.keypoint_names != annotated.keypoint_names:
            raise InvalidInput.of("keypoints", f"names differ from those of {known.name!r}")
        annotated = replace(known, shots=(*known.shots, *annotated.shots))
    elif annotated.name in shelf.names():
        console.print(f"{annotated.name} is known already: it is replaced")
    stored = shelf.put(annotated)
    console.print(
        f"{stored.name} version {stored.version}: {len(stored.keypoint_names)} keypoints, "
        f"{len(stored.shots)} shots, in {library}"
    )


@app.command("list")
def list_categories(library: Library = DEFAULT_LIBRARY) -> None:
    """Show the registered categories."""
    table = Table("category", "version", "keypoints", "shots")
    for category in open_library(library):
        table.add_row(
            category.name,
            str(category.version),
            ", ".join(category.keypoint_names),
            str(len(category.shots)),
        )
    console.print(table if table.row_count else f"no categories in {library}")


@app.command()
def estimate(
    image: Annotated[Path, typer.Argument(help="Image to look at.")],
    category: Annotated[str, typer.Option(help="Name of a registered category.")],
    box: Annotated[str | None, typer.Option(help="Where: x,y,width,height in pixels.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the image with the keypoints here.")
    ] = None,
    panel: Annotated[
        Path | None, typer.Option(help="Write how each keypoint was matched here.")
    ] = None,
    library: Library = DEFAULT_LIBRARY,
    weights: Weights = "shipped",
    device: Device = "auto",
) -> None:
    """Find a registered category in an image; prints JSON. Without --box it is searched.

    [bold]cape estimate table.jpg --category mug --out found.png[/bold]
    """
    from cape_ros.perception.estimator import Estimator
    from cape_ros.perception.follow import search
    from cape_ros.perception.objects import ObjectRequest
    from cape_ros.perception.overlay import draw
    from cape_ros.perception.panel import matching_panel

    pixels = read_image(image)
    known = open_library(library).get(category)
    estimator = Estimator.load(weights, device)
    if box is None:
        found = search(estimator, pixels, known)
    else:
        found = estimator.estimate(pixels, [ObjectRequest(known, read_box(box))])[0]
    answer: dict[str, Any] = {
        "category": found.category,
        "category_version": found.category_version,
        "score": round(found.score, 4),
        "box": [round(value, 2) for value in found.box],
        "keypoints": [
            {"name": name, "x": round(x, 2), "y": round(y, 2), "score": round(score, 4)}
            for name, (x, y), score in zip(
                found.keypoint_names, found.keypoints.tolist(), found.scores.tolist(), strict=True
            )
        ],
    }
    print(json.dumps(answer, indent=2))
    if out:
        write_image(out, draw(pixels, [found], {known.name: known}))
    if panel:
        seen = estimator.inspect(pixels, ObjectRequest(known, found.box))
        write_image(panel, matching_panel(known, seen))


evaluation_verbs.add_to(app)
app.command()(bench)


@app.command()
def export(
    out: Annotated[Path, typer.Argument(help="File to write.")] = Path("cape_ros.onnx"),
    weights: Weights = "shipped",
    keypoints: Annotated[
        int, typer.Option(min=1, max=100, help="Most keypoints of a category.")
    ] = 20,
    shots: Annotated[int, typer.Option(min=1, max=5, help="Most shots of a category.")] = 1,
) -> None:
    """Write the network as an ONNX file, and check it; docs/how-to/measure-performance.md.

    [bold]cape export mug.onnx --keypoints 12[/bold]
    """
    from cape_ros.model import checkpoints
    from cape_ros.model import weights as known_weights
    from cape_ros.model.export import FramePass, differences, write
    from cape_ros.model.scores import Calibration

    net, facts = checkpoints.load(known_weights.find(weights))
    frame = FramePass(net, Calibration.from_facts(facts))
    write(frame, out, keypoints, shots)
    worst = differences(frame, out, keypoints, shots)
    console.print(
        f"{out}: {out.stat().st_size / 1e6:.1f} MB; onnxruntime is off PyTorch by at most "
        f"{worst['points']:.2g} px of the crop and {worst['scores']:.2g} of a score"
    )


@weights_app.command("list")
def list_weights() -> None:
    """Show every set of weights and whether it is here."""
    from cape_ros.model import weights

    table = Table("name", "what", "PCK@0.2 published", "here")
    table.add_row("shipped", "this project's own, ResNet-18", "", "yes")
    for release in weights.RELEASES.values():
        here = (weights.cache_folder() / f"{release.name}.safetensors").is_file()
        table.add_row(
            release.name,
            "the authors', ResNet-50, MP-100",
            f"{release.pck:.2f}",
            "yes" if here else f"cape weights fetch {release.name}",
        )
    console.print(table)


@weights_app.command("fetch")
def fetch_weights(name: Annotated[str, typer.Argument(help="Such as split1-1shot.")]) -> None:
    """Download released weights, check and convert them, and keep them in the cache.

    [bold]cape weights fetch split1-1shot[/bold]
    """
    from cape_ros.model import weights

    if name not in weights.RELEASES:
        raise InvalidInput.of("name", f"{name!r} is not one of {', '.join(weights.RELEASES)}")
    path = weights.fetch(weights.RELEASES[name], weights.cache_folder(), sys.stderr.isatty())
    console.print(f"{name}: {path}")


@weights_app.command("show")
def show_weights(
    name: Annotated[str, typer.Argument(help="A name or a file.")] = "shipped",
) -> None:
    """Show what network a set of weights is for, and where it comes from."""
    from cape_ros.model import checkpoints, weights

    path = weights.find(name)
    net, facts = checkpoints.load(path)
    parameters = sum(parameter.numel() for parameter in net.parameters())
    console.print(f"{path}\n{path.stat().st_size / 1e6:.1f} MB, {parameters:,} parameters")
    console.print_json(json.dumps({"config": net.config.to_dict(), "facts": facts}))


def open_library(folder: Path) -> Any:
    from cape_ros.perception.library import CategoryLibrary

    try:
        return CategoryLibrary(folder.expanduser())
    except RuntimeError as error:  # ~somebody who does not exist
        raise InvalidInput.of("--library", f"{folder}: {error}") from error


def read_box(text: str) -> tuple[float, float, float, float]:
    try:
        x, y, width, height = (float(value) for value in text.split(","))
    except ValueError:
        raise InvalidInput.of("--box", f"{text!r} is not x,y,width,height") from None
    return x, y, width, height


def main() -> int:
    """Exit status 0, 1 for what a person can put right, 2 for a wrong command line."""
    return exit_status(app)
