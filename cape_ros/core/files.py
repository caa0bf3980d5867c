"""Reads and writes whole files named by the user; failures raise errors that name the file."""

from __future__ import annotations

import codecs
import os
import stat
from pathlib import Path

from cape_ros.core.errors import InvalidInput, SourceError


def expand(path: Path, field: str) -> Path:
    """With the home folder for `~`. Raises `InvalidInput` for a user without one, such as that of a
    service or a container."""
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise InvalidInput.of(field, f"{path}: {error}") from error


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
    """UTF-8 with or without a byte order mark, UTF-16 with one.

    Raises `SourceError` for a pipe or a device; else `OSError`, `ValueError`, of which the caller
    knows what to say.
    """
    check_regular(path)
    data = path.read_bytes()
    marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return data.decode("utf-16" if marked else "utf-8-sig")


def check_name(path: Path) -> None:
    """Raises `SourceError` for a name that is not UTF-8, of which OpenCV crashes."""
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise SourceError(f"{path}: its name is not UTF-8; give it another one") from error


def check_regular(path: Path) -> None:
    """Raises `SourceError` for a pipe or a device, `OSError` for what is not there."""
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise SourceError(f"{path}: not a regular file")


def write_file(path: Path, content: bytes | str) -> None:
    """Write it, text as UTF-8, and make the folders that it needs. Raises `SourceError`."""
    try:
        if path.is_fifo():
            raise SourceError(f"{path}: cannot be written: it is a pipe")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise SourceError(f"{path}: cannot be written: {error.strerror}") from error


def check_file_target(path: Path, field: str, new_folder: bool = False) -> None:
    """Before minutes of work: whether a file can be written there. Raises `InvalidInput`.

    new_folder: its folder may be missing, since `write_file` makes it.
    """
    if path.is_dir():
        raise InvalidInput.of(field, f"{path} is a folder; give a file in it")
    if path.is_fifo():
        raise InvalidInput.of(field, f"{path} is a pipe; give a file")
    if not (new_folder or path.parent.is_dir()):
        raise InvalidInput.of(field, f"{path} cannot be written: {path.parent} is no folder")
    _check_target(path, field)


def check_folder_target(path: Path, field: str) -> None:
    """Before minutes of work: whether files can be made in that folder. Raises `InvalidInput`."""
    if path.exists() and not path.is_dir():
        raise InvalidInput.of(field, f"{path} is no folder")
    _check_target(path, field)


def _check_target(path: Path, field: str) -> None:
    """path: not there yet, or what will be written to."""
    there = next(each for each in (path, *path.absolute().parents) if each.exists())
    if not (there.is_dir() or there == path):
        raise InvalidInput.of(field, f"{path} cannot be written: {there} is no folder")
    if not os.access(there, os.W_OK):
        raise InvalidInput.of(field, f"{path} cannot be written: {there} is read-only for you")
