"""The command `cape lab render`: views of meshes, with exact truth."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, cast, get_args

import typer

from cape_ros.cli.common import say
from cape_ros.core.errors import InvalidInput, SourceError
from cape_ros.core.files import check_folder_target
from cape_ros.core.plurals import counted


def render(
    source: Annotated[Path, typer.Argument(help="A .sh3f archive, or a folder of them or of OBJ.")],
    out: Annotated[
        Path, typer.Argument(help="Folder of the pictures; goes on with what is there.")
    ],
    photographs: Annotated[
        Path | None, typer.Option(help="Folder of images for backgrounds; grey without.")
    ] = None,
    kind: Annotated[
        str, typer.Option(help="views (one object), scenes (several instances) or orbits.")
    ] = "views",
    count: Annotated[int, typer.Option(min=1, max=999, help="Pictures of each mesh.")] = 8,
    part: Annotated[
        str, typer.Option(help="train, held-out (a fifth, never trained on) or all.")
    ] = "train",
    groups: Annotated[
        list[str] | None, typer.Option("--group", help="Only this group; may be given again.")
    ] = None,
    most: Annotated[
        int | None, typer.Option(min=1, help="Meshes, of all sources alike; all without it.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0)] = 1,
    processes: Annotated[
        int | None, typer.Option(min=1, help="One for each core without it.")
    ] = None,
) -> None:
    """Render meshes from all sides with exact keypoints; docs/how-to/render-data.md.

    [bold]cape lab render furniture/ rendered/ --photographs photographs/[/bold]
    """
    from rich.console import Console
    from rich.progress import track

    from cape_ros.lab.datasets.rendered.cache import CacheConfig, Kind, RenderedCache
    from cape_ros.lab.datasets.rendered.catalogue import read_catalogue
    from cape_ros.lab.datasets.rendered.contact_sheet import contact_sheet
    from cape_ros.lab.datasets.rendered.run import chosen, render_all

    check_folder_target(out, "OUT")
    entries = chosen(read_catalogue(source), part)
    if groups:
        known = sorted({one.group for one in entries if one.group})
        if unknown := sorted(set(groups) - set(known)):
            raise InvalidInput.of(
                "--group", f"{', '.join(unknown)} is not one of {', '.join(known)}"
            )
        entries = [one for one in entries if one.group in groups]
    entries = sorted(entries, key=lambda one: one.lot)[:most]
    if kind not in get_args(Kind):
        raise InvalidInput.of("--kind", f"{kind!r} is not one of {', '.join(get_args(Kind))}")
    config = CacheConfig(cast(Kind, kind), seed, count, part)
    done = render_all(
        entries, out, config, photographs_in(photographs), processes or os.cpu_count() or 1
    )
    left_out = [
        one.left_out
        for one in track(
            done, "rendering", len(entries), transient=True, console=Console(stderr=True)
        )
        if one.left_out
    ]
    cache = RenderedCache(out)
    sheet = out / "contact_sheet.png"
    try:
        contact_sheet(cache).save(sheet)
    except OSError as error:
        raise SourceError(f"{sheet}: cannot be written: {error.strerror}") from error
    for reason in left_out:
        typer.echo(f"left out: {reason}", err=True)
    finished = len(entries) - len(left_out)
    say(f"{out}: {counted(finished, 'mesh', 'meshes')}, each {counted(count, 'picture')}; {sheet}")


def photographs_in(folder: Path | None) -> list[Path]:
    """Images below a folder. Raises `InvalidInput` if it has none."""
    if folder is None:
        return []
    found = [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in (".jpg", ".jpeg", ".png")
    ]
    if not found:
        raise InvalidInput.of("--photographs", f"{folder} has no .jpg or .png images")
    return found
