"""The folder that a demo writes to."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from cape_ros.core.errors import InvalidInput
from cape_ros.core.files import check_name

LOG = "node.log"
LIBRARY = "library"


def check_folder(out: Path) -> None:
    """A demo may remove what a demo made, and nothing else. Raises `InvalidInput`."""
    check_name(out)
    library = out / LIBRARY
    if library.exists() and not (out / LOG).is_file():
        raise InvalidInput.of("out", f"{library} is not of an earlier demo; choose another folder")
    if out.exists() and not out.is_dir():
        raise InvalidInput.of("out", f"{out} is not a folder")


def clear(out: Path, names: Iterable[str]) -> None:
    """Make the folder, and remove from it what an earlier demo has left there: files and folders
    of these names. Raises `InvalidInput`."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / LOG).touch()
        for name in names:
            if (out / name).is_dir():
                shutil.rmtree(out / name, ignore_errors=True)
            else:
                (out / name).unlink(missing_ok=True)
    except OSError as error:
        raise InvalidInput.of("out", f"{out} cannot be written to: {error.strerror}") from error
