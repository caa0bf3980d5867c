"""Generate, compile and install interface packages into the running Python environment."""

from __future__ import annotations

import os
import shutil
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cape_ros.core.errors import CapeError
from cape_ros.interfaces import environment
from cape_ros.interfaces.compiler import Compiler, Library, python_headers
from cape_ros.interfaces.generate import Sources, generate
from cape_ros.interfaces.packages import Package, forget, is_current, needed, record

DEPENDENCIES = (
    *("builtin_interfaces", "geometry_msgs", "sensor_msgs", "service_msgs", "std_msgs"),
    *("rosidl_runtime_c", "rosidl_typesupport_interface", "rosidl_typesupport_c", "rcutils", "rmw"),
    *("rosidl_typesupport_introspection_c", "rosidl_typesupport_fastrtps_c"),
    *("rosidl_typesupport_fastrtps_cpp", "rosidl_runtime_cpp", "rosidl_dynamic_typesupport"),
)
RUNTIME = ("rosidl_runtime_c", "rosidl_typesupport_c", "rcutils", "rmw")
RUNTIME_OF = {
    "rosidl_typesupport_fastrtps_c": (
        *("rosidl_typesupport_fastrtps_c", "rosidl_typesupport_fastrtps_cpp", "fastcdr"),
    ),
    "rosidl_typesupport_introspection_c": ("rosidl_typesupport_introspection_c",),
    "rosidl_typesupport_c": (),
}


def build(again: bool = False) -> list[str]:
    """The names of the packages that were generated; none if all were up to date.

    again: also those that are. Raises `CapeError` that says what is missing or wrong.
    """
    packages = [package for package in needed() if again or not is_current(package)]
    if packages:
        compiler, prefixes = Compiler(), _prefixes()
        for package in packages:
            build_package(package, compiler, prefixes)
    return [package.name for package in packages]


def build_package(package: Package, compiler: Compiler, prefixes: Sequence[Path]) -> None:
    """prefixes: where the packages are that it depends on. Raises `CapeError`."""
    headers = (python_headers(), Path(np.get_include()))
    with tempfile.TemporaryDirectory() as folder:
        sources = generate(package, Path(folder), [prefix / "share" for prefix in prefixes])
        _compile(package, sources, Path(folder), compiler, prefixes, headers)
        _install(package, sources, Path(folder))


def _prefixes() -> list[Path]:
    """Where ROS 2 is: what is sourced, else this environment."""
    paths = os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)
    candidates = [Path(path) for path in paths if path] or [environment.here()]
    prefixes = [path for path in candidates if (path / "share").is_dir()]
    if not any((path / "share" / "sensor_msgs").is_dir() for path in prefixes):
        raise CapeError(
            "no ROS 2 is here whose messages could be built on: no sensor_msgs in "
            + ", ".join(map(str, candidates))
        )
    os.environ.setdefault("AMENT_PREFIX_PATH", os.pathsep.join(map(str, prefixes)))  # for rosidl
    return prefixes


def _compile(
    package: Package,
    sources: Sources,
    folder: Path,
    compiler: Compiler,
    prefixes: Sequence[Path],
    headers: Sequence[Path],
) -> None:
    name, lib = package.name, folder / "lib"
    folders = [lib, *(prefix / "lib" for prefix in prefixes)]
    generated = [sources.structures, *sources.type_supports.values()]
    includes = [
        *(path.parent for path in generated),
        *(prefix / "include" / of for prefix in prefixes for of in (*DEPENDENCIES, "")),
    ]
    of_others = [
        other for other in DEPENDENCIES[:5] if _has(f"{other}__rosidl_generator_c", folders)
    ]

    def library(suffix: str, files: Path, patterns: Sequence[str], links: Sequence[str]) -> Library:
        found = [file for pattern in patterns for file in sorted(files.glob(pattern))]
        others = [f"{other}__{suffix}" for other in of_others]
        links = [link for link in (*others, *links, *RUNTIME) if _has(link, folders)]
        target = lib / f"lib{name}__{suffix}.so"
        return Library(target, found, includes, links, folders)

    structures = library("rosidl_generator_c", sources.structures, ["*/detail/*.c"], [])
    compiler.compile([structures])
    own = f"{name}__rosidl_generator_c"
    compiler.compile(
        [
            library(suffix, files, ["*/detail/*.c*", "*/*.cpp"], [own, *RUNTIME_OF[suffix]])
            for suffix, files in sources.type_supports.items()
        ]
    )
    chooser = f"{name}__rosidl_typesupport_c"
    with_python = [*headers, *includes]
    conversion = library("rosidl_generator_py", sources.python, ["*/*_s.c"], [own, chooser])
    entry = next(sources.python.glob("_*_s.ep.*.c"))
    ending = sysconfig.get_config_var("EXT_SUFFIX")
    extension = Library(
        sources.python / f"{name}_s__rosidl_typesupport_c{ending}",
        [entry],
        with_python,
        [f"{name}__{suffix}" for suffix in ("rosidl_generator_py", *sources.type_supports)]
        + [own, *RUNTIME],
        folders,
        # From the extension in site-packages/NAME to the libraries of the prefix.
        rpath="$ORIGIN/" + os.path.relpath(_library_folder(), environment.python_folder(name)),
    )
    for each in (
        Library(conversion.target, conversion.sources, with_python, conversion.links, folders),
        extension,
    ):
        compiler.compile([each])


def _has(name: str, folders: Sequence[Path]) -> bool:
    return any((folder / f"lib{name}.so").exists() for folder in folders)


def _install(package: Package, sources: Sources, folder: Path) -> None:
    """Replace what the environment has; a build that ends in between is done again."""
    forget(package)
    for file in (folder / "lib").iterdir():
        _replace(file, _library_folder() / file.name)
    python = environment.python_folder(package.name)
    for kind in ("msg", "srv"):
        shutil.rmtree(python / kind, ignore_errors=True)
    for file in sources.python.rglob("*"):
        if file.suffix in (".py", ".so"):
            _replace(file, python / file.relative_to(sources.python))
    share = environment.here() / "share"
    for file in package.definitions:
        _replace(package.folder / file, share / package.name / file)
    for file in [*sources.idl.rglob("*.idl"), *sources.idl.rglob("*.json")]:
        _replace(file, share / package.name / file.relative_to(sources.idl))
    marker = share / "ament_index" / "resource_index" / "packages" / package.name
    marker.parent.mkdir(parents=True, exist_ok=True)
    marker.touch()
    record(package)


def _replace(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.new")
    shutil.copyfile(source, fresh)
    os.replace(fresh, target)


def _library_folder() -> Path:
    return environment.here() / "lib"
