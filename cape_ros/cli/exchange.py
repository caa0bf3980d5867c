"""`cape import` and `cape export`: categories as files of this package and of annotation tools."""

from __future__ import annotations

import sys
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import Annotated

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
from cape_ros.core.errors import CapeError, InvalidInput
from cape_ros.core.extras import how_to_install, is_installed
from cape_ros.core.files import read_file, write_file

NEEDED = ("pydantic", "defusedxml")


class Format(str, Enum):
    folder = "folder"
    labelme = "labelme"
    coco = "coco"
    cvat = "cvat"


def export(
    name: Name,
    file: Annotated[Path, typer.Argument(metavar="FILE.zip", help="File to write.")],
    kind: Annotated[
        Format, typer.Option("--format", help="folder is this project's own.")
    ] = Format.folder,
    library: Library = DEFAULT_LIBRARY,
) -> None:
    """Write a category with its shots to a zip file, for `cape import` or another program.

    [bold]cape export mug mug.zip --format coco[/bold]
    """
    category = open_library(library).get(name)
    _require_formats()
    from cape_ros.server.registration import described
    from cape_ros.studio.formats.archive import FORMATS, pack

    write_file(file, pack(FORMATS[kind.value].write(category)))
    say(f"{described(category)}, in {file}")


def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.zip", help="Annotations, with their images.")
    ],
    name: NewName = None,
    add: Add = False,
    replacing: Replace = False,
    library: Library = DEFAULT_LIBRARY,
) -> None:
    """Register the categories of a zip file: of `cape export`, labelme, COCO keypoints or CVAT.

    All of them are registered, or none if one is refused.

    [bold]cape import mug.zip[/bold]
    """
    _require_formats()
    from cape_ros.server.registration import described
    from cape_ros.studio.formats.archive import read
    from cape_ros.studio.formats.registering import to_categories

    reading = read(read_file(file))
    given = to_categories(reading)
    for problem in reading.problems:
        print(f"cape: {file}: left out: {problem}", file=sys.stderr)
    if not given:
        raise InvalidInput.of(str(file), "has no marked keypoints")
    if name is not None:
        if len(given) > 1:
            known = ", ".join(category.name for category in given)
            raise InvalidInput.of("--name", f"is for one category; the file has {known}")
        given = [replace(given[0], name=name)]
    for stored in register_all(open_library(library, make=True), given, add, replacing):
        say(f"{described(stored)}, in {library}")


def _require_formats() -> None:
    if missing := [name for name in NEEDED if not is_installed(name)]:
        needed = ", ".join(missing)
        raise CapeError(f"import and export need {needed}: {how_to_install('studio')}")
