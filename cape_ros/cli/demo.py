"""The command `cape demo`: a node, a camera and an evaluation of the results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cape_ros.cli.common import Device, Weights
from cape_ros.core import fastdds
from cape_ros.core.extras import require_rclpy


def demo(
    video: Annotated[Path | None, typer.Option(help="Your own video instead.")] = None,
    camera: Annotated[int | None, typer.Option(help="Your own camera, by number.")] = None,
    keypoints: Annotated[
        Path | None, typer.Option(help="JSON file with the keypoints of your own input.")
    ] = None,
    frames: Annotated[
        int | None, typer.Option(help="Of each scene; 60 of a photograph, else 300.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("demo_out"),
    port: Annotated[
        int | None, typer.Option(help="Of Studio; else 8765, or a free one if that is taken.")
    ] = None,
    keep: Annotated[
        bool,
        typer.Option("--keep", help="Keep what is registered, in OUT/library, also for later."),
    ] = False,
    grasp: Annotated[
        bool, typer.Option("--grasp", help="A simulated arm grasps a mug by what the node finds.")
    ] = False,
    weights: Weights = "shipped",
    device: Device = "auto",
) -> None:
    """Start a node and a camera, register objects, and show the keypoints of every frame.

    [bold]cape demo[/bold] moves photographs, so the error is known.

    [bold]cape demo --video mug.mp4 --keypoints mug.json[/bold] takes your own images.

    [bold]cape demo --grasp[/bold] lifts a mug in a simulation, registered from one image.
    """
    require_rclpy()
    fastdds.use_profile()
    import cape_ros.ros  # noqa: F401  what it says comes before an ImportError of the demo

    if grasp:
        _check_alone(video, camera, keypoints, frames, port, keep)
        from cape_ros.demo.grasp.run import run_grasps

        outcomes = run_grasps(out=out, weights=weights, device=device)
        raise typer.Exit(not any(outcome.lifted for outcome in outcomes))
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
            port=port,
            keep=keep,
        )
    )


def _check_alone(*others: object) -> None:
    """Raises `BadParameter`."""
    if any(others):
        raise typer.BadParameter("--grasp goes with --out, --weights and --device only")
