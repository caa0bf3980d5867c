"""A JPEG file with a gap: decoders show grey or noise there, and a person may not look."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest

from cape_ros.core.errors import InvalidInput, SourceError
from cape_ros.core.images import MOST_PIXELS, decode, read_image

END = b"\xff\xd9"
IMAGE = cv2.resize(np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8), (320, 240))
LAYOUTS = {
    "colour": {},
    "finely sampled": {"subsampling": 0},
    "optimised": {"optimize": True},
    "restarts": {"restart_marker_blocks": 7},
    "restarts of rows": {"restart_marker_rows": 1},
    "progressive": {"progressive": True},
}


def encoded(image: np.ndarray = IMAGE, **options: object) -> bytes:
    file = io.BytesIO()
    PIL.Image.fromarray(image).save(file, "JPEG", **options)
    return file.getvalue()


def refuse(data: bytes, folder: Path) -> None:
    """A person's file and a program's message."""
    path = folder / "a.jpg"
    path.write_bytes(data)
    with pytest.raises(SourceError, match="no whole JPEG"):
        read_image(path)
    with pytest.raises(InvalidInput, match="no whole JPEG"):
        decode(data, "shots", MOST_PIXELS)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("image", [IMAGE, IMAGE[..., 0].copy(), IMAGE[:13, :21].copy()])
def test_a_whole_file_is_read(layout: str, image: np.ndarray) -> None:
    data = encoded(image, **LAYOUTS[layout])
    for whole in (data, data + bytes(70), data[:-2] + b"\x12\x34" + END, data + encoded(IMAGE)):
        assert decode(whole, "shots", MOST_PIXELS).pixels.shape[:2] == image.shape[:2]


@pytest.mark.parametrize("layout", ["colour", "finely sampled", "optimised"])
def test_a_camera_that_loses_a_packet(layout: str, tmp_path: Path) -> None:
    data = encoded(**LAYOUTS[layout])
    for part in (0.3, 0.5, 0.8):
        at = int(len(data) * part)
        refuse(data[:at] + data[at + 512 :], tmp_path)


@pytest.mark.parametrize("layout", ["colour", "restarts", "restarts of rows"])
def test_a_cut_file_whose_end_was_marked(layout: str, tmp_path: Path) -> None:
    data = encoded(**LAYOUTS[layout])
    refuse(data[: len(data) // 2] + END, tmp_path)


def test_a_gap_with_a_restart_in_it(tmp_path: Path) -> None:
    data = encoded(restart_marker_blocks=7)
    at = len(data) // 2
    refuse(data[:at] + data[at + 512 :], tmp_path)


def test_a_photograph_with_a_preview_in_it(tmp_path: Path) -> None:
    """The preview is a JPEG file of its own, with marks of its own."""
    data = encoded()
    preview = encoded(IMAGE[:60, :80].copy())
    length = (len(preview) + 2).to_bytes(2, "big")
    photograph = data[:2] + b"\xff\xe1" + length + preview + data[2:]
    assert decode(photograph, "shots", MOST_PIXELS).pixels.shape == IMAGE.shape
    refuse(photograph[: -len(data) // 2] + END, tmp_path)
