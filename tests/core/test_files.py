"""Files that a person names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cape_ros.core.errors import InvalidInput, SourceError
from cape_ros.core.files import check_writable, read_file, read_text


def test_a_byte_order_mark_is_no_part_of_a_text(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"\xef\xbb\xbf{}")
    assert read_text(path) == "{}"
    path.write_bytes(b"{}")
    assert read_text(path) == "{}"


def test_nothing_is_waited_for(tmp_path: Path) -> None:
    pipe, loop = tmp_path / "pipe", tmp_path / "loop"
    os.mkfifo(pipe)
    loop.symlink_to(loop)
    for path in (pipe, Path("/dev/zero")):
        with pytest.raises(SourceError, match="not a regular file"):
            read_file(path)
        with pytest.raises(SourceError, match="not a regular file"):
            read_text(path)
    with pytest.raises(SourceError, match="cannot be read"):
        read_file(loop)


def test_a_place_to_write_to(tmp_path: Path) -> None:
    check_writable(tmp_path / "new" / "a.csv", "--out")
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").write_text("")
    check_writable(tmp_path / "file", "--out")
    for wrong in (tmp_path, tmp_path / "file" / "a.csv"):
        with pytest.raises(InvalidInput, match="--out"):
            check_writable(wrong, "--out")
