"""Files that a person names."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from cape_ros.core.errors import InvalidInput, SourceError
from cape_ros.core.files import (
    check_file_target,
    check_folder_target,
    read_file,
    read_text,
    write_file,
)
from cape_ros.core.images import check_image_target, read_image, write_image
from cape_ros.media.sources import VideoFile


def test_a_byte_order_mark_is_no_part_of_a_text(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"\xef\xbb\xbf{}")
    assert read_text(path) == "{}"
    path.write_bytes(b"{}")
    assert read_text(path) == "{}"
    for encoding in ("utf-16", "utf-16-be"):  # as PowerShell writes it
        mark = b"\xfe\xff" if encoding == "utf-16-be" else b""
        path.write_bytes(mark + '{"ä": 1}'.encode(encoding))
        assert read_text(path) == '{"ä": 1}'


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


def test_a_name_that_is_not_utf_8(tmp_path: Path) -> None:
    """OpenCV would end the process."""
    path = tmp_path / os.fsdecode(b"a\xff.png")
    pixels = np.zeros((4, 4, 3), np.uint8)
    write_image(tmp_path / "a.png", pixels)
    path.write_bytes((tmp_path / "a.png").read_bytes())
    assert read_image(path).shape == (4, 4, 3)
    for use in (
        lambda: write_image(path, pixels),
        lambda: check_image_target(path, "--out"),
        lambda: VideoFile(path, 5),
    ):
        with pytest.raises(SourceError, match="its name is not UTF-8"):
            use()


def test_a_place_to_write_to(tmp_path: Path) -> None:
    check_file_target(tmp_path / "new" / "a.csv", "--out", new_folder=True)
    check_file_target(tmp_path / "a.csv", "--out")
    check_folder_target(tmp_path / "new" / "a", "--out")
    check_folder_target(tmp_path, "--out")
    assert not list(tmp_path.iterdir())
    file, pipe = tmp_path / "file", tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(SourceError, match="it is a pipe"):
        write_file(pipe, "")
    file.write_text("")
    check_file_target(file, "--out")
    for check, wrong in (
        (check_file_target, tmp_path),
        (check_file_target, pipe),
        (check_file_target, file / "a.csv"),
        (check_file_target, tmp_path / "new" / "a.csv"),
        (check_folder_target, file),
        (check_folder_target, file / "a"),
    ):
        with pytest.raises(InvalidInput, match="--out"):
            check(wrong, "--out")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_place_that_is_read_only(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    for check in (check_file_target, check_folder_target):
        with pytest.raises(InvalidInput, match="read-only"):
            check(tmp_path / "a", "--out")
