"""Commands on the category library: register, list, show, rename, remove."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cape_ros.cli.common import (
    DEFAULT_LIBRARY,
    Add,
    Library,
    Name,
    NewName,
    Replace,
    open_library,
    register_all,
    say,
)
from cape_ros.core.errors import InvalidInput
from cape_ros.core.plurals import counted

if TYPE_CHECKING:
    from cape_ros.perception.category import Category
    from cape_ros.perception.library.library import CategoryLibrary

PICTURE = 768  # pixels of a side


def register(
    image: Annotated[Path, typer.Argument(help="Photograph that shows the object.")],
    keypoints: Annotated[Path, typer.Option(help="JSON file with the keypoints in it.")],
    name: NewName = None,
    add: Add = False,
    replacing: Replace = False,
    library: Library = DEFAULT_LIBRARY,
) -> None:
    """Register a category from one annotated image; a node finds it at its next start.

    [bold]cape register mug.png --keypoints mug.json[/bold]

    [bold]cape register mug2.png --keypoints mug2.json --add[/bold]
    """
    from cape_ros.core.images import read_image
    from cape_ros.perception.library.annotation import read_annotation
    from cape_ros.server.registration import described

    category = read_annotation(keypoints).category(read_image(image), name)
    (stored,) = register_all(open_library(library, make=True), [category], add, replacing)
    say(f"{described(stored)}, in {library}")


def list_categories(library: Library = DEFAULT_LIBRARY) -> None:
    """Show the registered categories."""
    from rich.table import Table
    from rich.text import Text

    table = Table("category", "version", "keypoints", "shots")
    for category in open_library(library):
        names = Text(", ".join(category.keypoint_names))
        table.add_row(category.name, str(category.version), names, str(len(category.shots)))
    say(table if table.row_count else f"no categories in {library}")


def show(
    name: Name,
    out: Annotated[
        Path | None, typer.Option(help="Write a shot here, with its keypoints drawn into it.")
    ] = None,
    shot: Annotated[int, typer.Option(min=1, help="The shot for --out.")] = 1,
    old: Annotated[
        int | None, typer.Option(min=1, help="A version that was replaced or removed.")
    ] = None,
    library: Library = DEFAULT_LIBRARY,
) -> None:
    """Show a category: its keypoints, the edges between them, its shots, and its old versions.

    [bold]cape show mug --out mug.png[/bold]

    [bold]cape show mug --old 2[/bold]
    """
    from cape_ros.perception.spatial.frames import to_mapping
    from cape_ros.server.registration import described

    if out is not None:
        from cape_ros.core.images import check_image_target, write_image

        check_image_target(out, "--out")
    shelf = open_library(library)
    category = shelf.get(name) if old is None else old_version(shelf, name, old)
    names = category.keypoint_names
    lines = [described(category), f"keypoints: {', '.join(names)}"]
    edges = ", ".join(f"{names[start]} - {names[end]}" for start, end in category.edges)
    lines.append(f"edges: {edges or 'none'}")
    for symmetry in category.symmetries:
        moved = [f"{names[at]} -> {names[to]}" for at, to in enumerate(symmetry) if at != to]
        lines.append(f"interchangeable: {', '.join(moved)}")
    if category.shape is not None:
        known = counted(int(category.shape.known.sum()), "keypoint")
        lines.append(f"shape: {known}{'' if category.shape.metric else ', without scale'}")
    for frame, fields in to_mapping(category.frames, names).items():
        axes = ", ".join(f"{axis} {along}" for axis, along in fields.items() if axis != "origin")
        lines.append(f"frame {frame}: at {', '.join(fields['origin'])}; {axes}")
    for index, each in enumerate(category.shots, 1):
        height, width = each.image.shape[:2]
        box = ", ".join(f"{value:g}" for value in each.box)
        seen = int(each.visible.sum())
        lines.append(
            f"shot {index}: {width} x {height} pixels, box {box}, "
            f"{seen} of {counted(len(names), 'keypoint')} visible"
            f"{', added automatically' if each.automatic else ''}"
        )
    if kept := [str(each.version) for each in shelf.old.of(name) if each.version != old]:
        lines.append(f"old versions: {', '.join(kept)} (--old {kept[0]} shows one)")
    if out is not None:
        from cape_ros.perception.drawing.panel import support_panel

        if shot > len(category.shots):
            raise InvalidInput.of("--shot", f"{shot} is behind the last, {len(category.shots)}")
        write_image(out, support_panel(category, shot - 1, PICTURE))
        lines.append(f"shot {shot} is drawn in {out}")
    say("\n".join(lines))


def old_version(shelf: CategoryLibrary, name: str, version: int) -> Category:
    """Raises `InvalidInput` if it is not kept."""
    try:
        return shelf.old.get(name, version)
    except InvalidInput as error:
        raise InvalidInput(fault.at("--old") for fault in error.faults) from error


def rename(
    old: Name,
    new: Annotated[str, typer.Argument(help="The name it gets.")],
    library: Library = DEFAULT_LIBRARY,
) -> None:
    """Give a category another name; a node knows it by that at its next start.

    [bold]cape rename mug red_mug[/bold]
    """
    from cape_ros.server.registration import RegisterMode, described, merge

    shelf = open_library(library)
    renamed = replace(shelf.get(old), name=new)
    try:
        merge({category.name: category for category in shelf}, renamed, RegisterMode.CREATE)
    except InvalidInput as error:
        if any(fault.code == "category_exists" for fault in error.faults):
            reason = f"{new!r} is registered already; remove it first"
            raise InvalidInput.of("new", reason, "category_exists") from error
        raise
    stored = shelf.put(renamed)
    shelf.remove(old)
    say(f"{old} is called {described(stored)}, in {library}")


def remove(name: Name, library: Library = DEFAULT_LIBRARY) -> None:
    """Remove a category and its shots; a node forgets it at its next start.

    [bold]cape remove mug[/bold]
    """
    open_library(library).remove(name)
    say(f"{name} is removed from {library}")
