"""Reads and writes whole files named by the user; failures raise errors that name the file."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cape_ros.core.errors import InvalidInput, SourceError


def read_file(path: Path) -> bytes:
    """Raises `SourceError`, also for a pipe or a device, which may have no end."""
    try:
        check_regular(path)
        return path.read_bytes()
    except FileNotFoundError as error:
        raise SourceError(f"{path}: no such file") from error
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}") from error


def read_text(path: Path) -> str:
    """UTF-8, with or without a byte order mark.

    Raises `SourceError` for a pipe or a device; else `OSError`, `ValueError`, of which the caller
    knows what to say.
    """
    check_regular(path)
    return path.read_text(encoding="utf-8-sig")


def check_regular(path: Path) -> None:
    """Raises `SourceError` for a pipe or a device, `OSError` for what is not there."""
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise SourceError(f"{path}: not a regular file")


def write_file(path: Path, content: bytes | str) -> None:
    """Write it, text as UTF-8, and make the folders that it needs. Raises `SourceError`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise SourceError(f"{path}: cannot be written: {error.strerror}") from error


def check_writable(path: Path, field: str) -> None:
    """Before minutes of work: a file can be written there, in a folder that can be made.

    Leaves nothing behind. Raises `InvalidInput`.
    """
    if path.is_dir():
        raise InvalidInput.of(field, f"{path} is a folder; give a file in it")
    there = next(folder for folder in path.absolute().parents if folder.exists())
    target = path if path.exists() else there
    if not there.is_dir() or not os.access(target, os.W_OK):
        raise InvalidInput.of(field, f"{path} cannot be written")
