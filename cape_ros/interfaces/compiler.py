"""The C and C++ compiler of this machine, or that of the wheel `ziglang` where there is none."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from cape_ros.core.errors import CapeError

OPTIONS = ("-O1", "-fPIC", "-shared", "-w")


@dataclass(frozen=True)
class Library:
    """One shared library: its sources, and the libraries in `folders` that it is linked with."""

    target: Path
    sources: Sequence[Path]
    includes: Sequence[Path]
    links: Sequence[str]
    folders: Sequence[Path]
    rpath: str = "$ORIGIN"


class Compiler:
    """Raises `CapeError` that names what to install if there is no compiler."""

    def __init__(self) -> None:
        self._c = _command("CC", ("cc", "gcc", "clang"), "cc")
        self._cpp = _command("CXX", ("c++", "g++", "clang++"), "c++")

    def compile(self, libraries: Sequence[Library]) -> None:
        """One after the other where they depend on each other is the caller's task.

        Raises `CapeError` with the compiler's message.
        """
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(self._compile, libraries))

    def _compile(self, library: Library) -> None:
        library.target.parent.mkdir(parents=True, exist_ok=True)
        is_cpp = any(source.suffix == ".cpp" for source in library.sources)
        command = [*(self._cpp if is_cpp else self._c), *OPTIONS]
        if is_cpp:
            command.append("-std=c++17")
        command += [f"-I{folder}" for folder in library.includes]
        command += map(str, library.sources)
        command += [f"-L{folder}" for folder in library.folders]
        # A type support is opened by its name at run time, and found by its soname once loaded.
        command += [f"-Wl,--no-as-needed,-soname,{library.target.name},-rpath,{library.rpath}"]
        command += [f"-l{name}" for name in library.links]
        command += ["-o", str(library.target)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            lines = (done.stderr or done.stdout).strip().splitlines()
            first = next((line for line in lines if "error" in line), lines[-1] if lines else "")
            raise CapeError(f"{command[0]} could not compile {library.target.name}: {first}")


def python_headers() -> Path:
    """The folder of Python.h. Raises `CapeError` that names the package."""
    folder = Path(sysconfig.get_path("include", vars={"installed_base": sys.base_prefix}))
    for found in (folder, Path(sysconfig.get_config_var("INCLUDEPY") or folder)):
        if (found / "Python.h").is_file():
            return found
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    raise CapeError(
        f"the headers of Python {version} are missing ({folder}/Python.h), which the messages "
        f"need; on Debian and Ubuntu: sudo apt install python{version}-dev"
    )


def _command(variable: str, names: Sequence[str], of_zig: str) -> list[str]:
    if chosen := shlex.split(os.environ.get(variable, "")):
        if shutil.which(chosen[0]) is None:
            raise CapeError(f"{variable} names {chosen[0]!r}, which is no program here")
        return chosen
    for name in names:
        if path := shutil.which(name):
            return [path]
    if find_spec("ziglang") is not None:
        return [sys.executable, "-m", "ziglang", of_zig]
    raise CapeError(
        "no C and C++ compiler is here, which the messages need; on Debian and Ubuntu: "
        "sudo apt install g++; anywhere: pip install ziglang"
    )
