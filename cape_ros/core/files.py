"""Reads and writes whole files named by the user; failures raise errors that name the file."""

from __future__ import annotations

from pathlib import Path

from cape_ros.core.errors import SourceError


def read_file(path: Path) -> bytes:
    """Raises `SourceError`."""
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise SourceError(f"{path}: no such file") from error
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}") from error


def write_file(path: Path, content: bytes | str) -> None:
    """Write it, text as UTF-8, and make the folders that it needs. Raises `SourceError`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise SourceError(f"{path}: cannot be written: {error.strerror}") from error
