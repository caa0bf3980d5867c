"""The command `cape serve`: the node with Studio, or Studio without ROS."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.console import Console

from cape_ros.core.errors import InvalidInput
from cape_ros.core.extras import require_rclpy, require_studio


def serve(
    context: typer.Context,
    camera: Annotated[
        int | None, typer.Option(help="Without ROS: a camera of this machine, by number.")
    ] = None,
    video: Annotated[
        Path | None, typer.Option(help="Without ROS: a video file, again and again.")
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Without ROS: a cup under a moving camera.")
    ] = False,
    host: Annotated[
        str | None, typer.Option(help="Where Studio listens, 127.0.0.1; 0.0.0.0 is every network.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Of Studio, 8765; 0 is any free one.")] = None,
    token: Annotated[
        str | None, typer.Option(help="Asked for; else none on 127.0.0.1, a made-up one elsewhere.")
    ] = None,
    library: Annotated[Path | None, typer.Option(help="Folder of the registered categories.")] = (
        None
    ),
    weights: Annotated[
        str | None, typer.Option(help="A file, or a name that `cape lab weights list` shows.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:1, ...")] = None,
) -> None:
    """Run the node, with Studio, until Ctrl-C; or Studio alone on a camera, a video or the demo.

    [bold]cape serve --ros-args -r /cape/image:=/camera/image_raw -p device:=cpu[/bold]

    [bold]cape serve --camera 0[/bold]
    """
    given = {
        "studio.host": host,
        "studio.port": port,
        "studio.token": token,
        "library": None if library is None else str(library),
        "weights": weights,
        "device": device,
    }
    values = {name: value for name, value in given.items() if value is not None}
    sources = [demo, video is not None, camera is not None]
    if not any(sources):
        raise typer.Exit(_serve_node(values, context.args))
    if sum(sources) > 1:
        raise InvalidInput.of("--camera, --video, --demo", "one of them can be shown")
    if context.args:
        raise InvalidInput.of(
            context.args[0], "is for the node; leave out --camera, --video, --demo"
        )
    require_studio()
    from cape_ros.studio import local

    source = local.demo_source() if demo else local.own_source(video, camera or 0)
    console = Console(highlight=False, soft_wrap=True)
    with TemporaryDirectory() as folder:
        if demo and library is None:
            values["library"] = folder
            console.print("What is taught here is forgotten at the end; --library FOLDER keeps it.")
        say = partial(console.print, "Studio (Ctrl-C ends it):")
        local.serve(source, values, say)


def _serve_node(values: dict[str, str | int], arguments: list[str]) -> int:
    """Runs the node; ROS arguments override the options of `cape serve`."""
    require_rclpy()
    from cape_ros.ros.node import main

    words = ["--ros-args"]
    for name, value in {"studio.enable": True, **values}.items():
        # Quoted, because a value is read as YAML: a folder may be called 2024-10-01.
        words += ["-p", f"{name}:={json.dumps(value)}"]
    return main([*words, "--", *arguments])
