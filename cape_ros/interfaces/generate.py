"""Source code of an interface package, written by rosidl: C structures, type support, Python."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cape_ros.core.errors import CapeError
from cape_ros.interfaces.packages import Package


@dataclass(frozen=True)
class Sources:
    """The root folder of each generator's files, also the include path of its headers."""

    idl: Path
    structures: Path  # rosidl_generator_c
    type_supports: dict[str, Path]  # by library suffix, as rosidl_typesupport_c
    python: Path  # rosidl_generator_py


def generate(package: Package, folder: Path, shares: Sequence[Path]) -> Sources:
    """Write the sources below `folder`.

    shares: folders with the definitions of other packages, as PREFIX/share. Raises `CapeError` if
    rosidl is missing or refuses a definition.
    """
    try:
        with _quiet():
            return _generate(package, folder, [str(share) for share in shares])
    except ImportError as error:
        raise CapeError(
            f"the generators of ROS 2 messages are missing here ({error.name}): run make in the "
            "checkout, or build the package with colcon in a sourced ROS 2"
        ) from error
    except Exception as error:
        raise CapeError(
            f"{package.name}: rosidl could not generate its messages: {error}"
        ) from error


def _generate(package: Package, folder: Path, shares: list[str]) -> Sources:
    # The generators' classes and not rosidl_cli's lookup by entry point: the wheels register
    # every entry point twice, which that lookup refuses.
    from rosidl_adapter.cli import TranslateMsgToIDL, TranslateSrvToIDL
    from rosidl_generator_c.cli import GenerateC
    from rosidl_generator_py.cli import GeneratePython
    from rosidl_typesupport_c.cli import GenerateCTypesupport

    idl = folder / "idl" / package.name
    translators = {".msg": TranslateMsgToIDL("msg2idl"), ".srv": TranslateSrvToIDL("srv2idl")}
    files: list[str] = []
    for file in package.definitions:
        translated = translators[file.suffix].translate(
            package.name, [f"{package.folder.resolve()}:{file}"], [], idl
        )
        files += translated

    structures = folder / "c" / package.name
    hashes: dict[str, Any] = {}
    with contextlib.suppress(ModuleNotFoundError):  # no type hashes before Iron
        from rosidl_generator_type_description.cli import HashTypeDescription

        made = HashTypeDescription("rosidl").generate_type_hashes(package.name, files, shares, idl)
        hashes = {"type_description_files": made}
    GenerateC("c").generate(package.name, files, shares, structures, **hashes)

    type_supports = {}
    for name in ("rosidl_typesupport_fastrtps_c", "rosidl_typesupport_introspection_c"):
        with contextlib.suppress(ModuleNotFoundError):  # of a middleware that is not here
            generator = _only_generator(importlib.import_module(f"{name}.cli"))
            type_supports[name] = folder / name / package.name
            generator.generate(package.name, files, shares, type_supports[name])
    name = "rosidl_typesupport_c"  # chooses among the others at run time
    chooser = GenerateCTypesupport("c", typesupport_implementations=sorted(type_supports))
    type_supports[name] = folder / name / package.name
    chooser.generate(package.name, files, shares, type_supports[name])

    python = folder / "py" / package.name
    GeneratePython("py", typesupport_implementations=[name]).generate(
        package.name, files, shares, python
    )
    return Sources(idl, structures, type_supports, python)


def _only_generator(module: Any) -> Any:
    (kind,) = (
        value
        for name, value in vars(module).items()
        if name.startswith("Generate") and value.__module__ == module.__name__
    )
    return kind(module.__name__)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silences rosidl, which replaces `sys.stdout` and prints the name of every file it reads."""
    sys.stdout.flush()
    before = os.dup(1)
    with tempfile.TemporaryFile() as sink:
        os.dup2(sink.fileno(), 1)
        try:
            yield
        finally:
            sys.stdout.flush()
            os.dup2(before, 1)
            os.close(before)
