"""Options and helpers that several commands share."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from cape_ros.core.errors import Fault, InvalidInput
from cape_ros.core.files import expand

if TYPE_CHECKING:
    from cape_ros.perception.category import Category
    from cape_ros.perception.library.library import CategoryLibrary

T = TypeVar("T")
DEFAULT_LIBRARY = Path("~/.local/share/cape_ros/library")

Name = Annotated[str, typer.Argument(help="Of a registered category.")]
NewName = Annotated[
    str | None, typer.Option("--name", help="Of the category; else the one in the file.")
]
Library = Annotated[Path, typer.Option(help="Folder of the registered categories.")]
Weights = Annotated[str, typer.Option(help="A file, or a name that `cape lab weights list` shows.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")]
Add = Annotated[bool, typer.Option("--add", help="Further shots of a known category.")]
Replace = Annotated[bool, typer.Option("--replace", help="Instead of the category of this name.")]


def say(*what: Any) -> None:
    """Print for a person, tables of rich too; names in it are text, never markup."""
    from rich.console import Console

    Console(highlight=False, soft_wrap=True, markup=False).print(*what)


def with_progress(what: Iterable[T], count: int) -> Iterator[T]:
    """Show on stderr how many of them are done. count: sys.maxsize if nothing knows."""
    from rich.console import Console
    from rich.progress import track

    known = count if count < sys.maxsize else None
    console = Console(stderr=True)
    return iter(track(what, "looking", known, transient=True, console=console))


def open_library(folder: Path, make: bool = False) -> CategoryLibrary:
    """The library in a folder. make: one if there is none, and say so.

    Raises `InvalidInput` if there is none, `LibraryError`.
    """
    from cape_ros.perception.library.library import CategoryLibrary

    root = expand(folder, "--library")
    missing = not os.path.isdir(root / "categories")  # a name that is too long is missing, too
    if missing and not make:
        what = "holds no library" if os.path.exists(root) else "does not exist"
        reason = f"{folder} {what}; cape register and cape import make one"
        raise InvalidInput.of("--library", reason)
    library = CategoryLibrary(root)
    if missing:
        say(f"{folder} is a new library")
    return library


def register_all(
    library: CategoryLibrary, given: Sequence[Category], add: bool, replacing: bool
) -> list[Category]:
    """Store categories by the node's rules: all of them, or none if one is refused.

    Without `add` and `replacing` a name that is registered is refused. Raises `InvalidInput`,
    `LibraryError`.
    """
    from cape_ros.server.registration import RegisterMode, merge

    if add and replacing:
        raise typer.BadParameter("one of --add and --replace can be meant")
    mode = RegisterMode.CREATE
    if add or replacing:
        mode = RegisterMode.ADD_SHOTS if add else RegisterMode.REPLACE
    known = {category.name: category for category in library}
    merged = []
    for category in given:
        try:
            merged.append(merge(known, category, mode))
        except InvalidInput as error:
            raise InvalidInput(_in_options(each, category.name) for each in error.faults) from error
    return [library.put(category) for category in merged]


def _in_options(fault: Fault, name: str) -> Fault:
    """A refusal that names modes of a service, with the options that stand for them."""
    if fault.code == "category_exists":
        reason = f"{name!r} is registered already; use --replace, or --add for further shots"
        return replace(fault, reason=reason)
    if fault.code == "differs" and fault.field == "edges":
        reason = f"differ from those of {name!r}; leave them out or use --replace"
        return replace(fault, reason=reason)
    return fault
