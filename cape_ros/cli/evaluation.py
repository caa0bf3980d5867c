"""Commands that evaluate weights: evaluate, evaluate-video, figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from cape_ros.core.errors import InvalidInput
from cape_ros.core.files import check_file_target, check_folder_target, write_file

if TYPE_CHECKING:
    from cape_ros.lab.datasets.mp100 import Dataset

console = Console()

WeightsFile = Annotated[str, typer.Argument(help="A file, or a name of `cape lab weights list`.")]
Data = Annotated[Path, typer.Argument(help="Folder with images/ and annotations/.")]
Annotations = Annotated[str, typer.Option(help="File in DATA/annotations.")]
Categories = Annotated[str | None, typer.Option(help="Only these: duck,glue_tube.")]
AllowMissing = Annotated[
    bool, typer.Option("--allow-missing", help="Leave out objects whose image does not exist.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")]


def add_to(app: typer.Typer) -> None:
    """Register the verbs."""
    app.command()(evaluate)
    app.command()(figures)
    app.command("evaluate-video")(evaluate_video)


def evaluate(
    weights: WeightsFile,
    data: Data,
    annotations: Annotations = "val.json",
    categories: Categories = None,
    shots: Annotated[str, typer.Option(help="Annotated examples of the object.")] = "1,5",
    imagenet: Annotated[
        Path | None, typer.Option(help="ResNet-18 weights of the nearest neighbour.")
    ] = None,
    allow_missing: AllowMissing = False,
    pairs: Annotated[int, typer.Option(min=1, help="Of each category, at most.")] = 300,
    mp100: Annotated[
        bool, typer.Option("--mp100", help="The pairs of MP-100's protocol instead.")
    ] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the numbers here too.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Folder for an HTML report, index.html.")
    ] = None,
    device: Device = "cpu",
) -> None:
    """Measure weights on annotated objects, beside what needs no training; docs/how-to/evaluate.md.

    [bold]cape lab evaluate shipped DATA --imagenet RESNET18.pth --report report[/bold]
    """
    from cape_ros.lab.baselines import models
    from cape_ros.lab.evaluation.evaluate import compare
    from cape_ros.lab.evaluation.report import write_report
    from cape_ros.lab.evaluation.tables import content, show
    from cape_ros.model import weights as known_weights
    from cape_ros.perception.inference.device import find_device

    if json_file:
        check_file_target(json_file, "--json", new_folder=True)
    if report:
        check_folder_target(report, "--report")
    dataset = read_data(data, annotations, categories, allow_missing)
    net, facts = models.load(known_weights.find(weights))
    measured = compare(
        dataset,
        net,
        facts,
        imagenet=imagenet,
        shots=read_shots(shots),
        most_pairs=pairs,
        as_released=mp100,
        device=find_device(device),
    )
    show(measured, console)
    if json_file:
        write_file(json_file, json.dumps(content(measured, facts), indent=1) + "\n")
    if report:
        page = write_report(report, measured, facts, f"{weights} on {annotations}")
        console.print(f"report: {page}")


def figures(
    weights: WeightsFile,
    data: Data,
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")],
    annotations: Annotations = "val.json",
    categories: Categories = None,
    allow_missing: AllowMissing = False,
    device: Device = "cpu",
) -> None:
    """Draw Figures A3 to A7 of the paper's supplementary: answers, attention, similarity.

    [bold]cape lab figures shipped DATA --out figures[/bold]
    """
    from cape_ros.lab.evaluation.figures import write_figures
    from cape_ros.perception.estimator import Estimator

    check_folder_target(out, "--out")
    dataset = read_data(data, annotations, categories, allow_missing)
    for path in write_figures(Estimator.load(weights, device), dataset, out):
        console.print(str(path))


def evaluate_video(
    weights: WeightsFile,
    video: Annotated[Path, typer.Argument(help="A video that OpenCV can play.")],
    labels: Annotated[
        Path | None, typer.Option(help="Where the keypoints are, frame by frame (JSON).")
    ] = None,
    keypoints: Annotated[
        Path | None, typer.Option(help="Keypoints of one frame, as for `cape demo`.")
    ] = None,
    every: Annotated[int, typer.Option(min=1, help="Evaluate every n-th frame.")] = 1,
    follow: Annotated[
        bool, typer.Option("--follow", help="Search and follow; no box is given.")
    ] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the numbers here too.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for pictures of frames.")] = None,
    device: Device = "cpu",
) -> None:
    """Measure weights on a video: error where it is labelled, jitter where it is not.

    [bold]cape lab evaluate-video shipped flies.mp4 --labels flies.json --every 5[/bold]

    [bold]cape lab evaluate-video shipped robot.mp4 --keypoints robot.json[/bold]
    """
    from cape_ros.lab.evaluation.video import measure
    from cape_ros.lab.evaluation.video_report import show
    from cape_ros.perception.estimator import Estimator

    if labels and keypoints:
        raise InvalidInput.of("--keypoints", "is given beside --labels; one of them is meant")
    if json_file:
        check_file_target(json_file, "--json", new_folder=True)
    if out:
        check_folder_target(out, "--out")
    measured = measure(
        Estimator.load(weights, device), video, labels, keypoints, every, follow, pictures=out
    )
    show(measured, console)
    if json_file:
        write_file(json_file, json.dumps(measured.facts(), indent=1) + "\n")


def read_data(
    data: Path, annotations: str, categories: str | None, allow_missing: bool = False
) -> Dataset:
    """The data set, or the part of it with these categories. Raises `InvalidInput`."""
    from cape_ros.lab.datasets.mp100 import read

    dataset = read(data / "annotations" / annotations, data / "images", allow_missing)
    if categories:
        wanted = [name.strip() for name in categories.split(",")]
        known = set(dataset.categories.values())
        if absent := [name for name in wanted if name not in known]:
            raise InvalidInput.of(
                "--categories", f"{', '.join(absent)}: none of {', '.join(sorted(known))}"
            )
        dataset = dataset.only(wanted)
    if not dataset.categories:
        raise InvalidInput.of(annotations, "has no annotated object")
    return dataset


def read_shots(text: str) -> list[int]:
    try:
        shots = sorted({int(part) for part in text.split(",")})
    except ValueError:
        raise InvalidInput.of("--shots", f"{text!r} is not a list of numbers such as 1,5") from None
    if shots[0] < 1:
        raise InvalidInput.of("--shots", "must be at least 1")
    return shots
