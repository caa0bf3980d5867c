"""Image files, whole and damaged."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import PIL.Image
import pytest

from cape_ros.core.errors import InvalidInput, SourceError
from cape_ros.core.images import MOST_PIXELS, decode, read_image, write_image

IMAGE = cv2.resize(
    np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8), (64, 48)
)  # smooth, so that a JPEG is near it


def encoded(kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    PIL.Image.fromarray(IMAGE).save(file, kind, **options)
    return file.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def small_file_of_a_large_png(width: int, height: int) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "WEBP", "TIFF"])
def test_a_file_is_read_as_rgb(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(encoded(kind))
    pixels = read_image(path)
    assert (pixels.dtype, pixels.shape) == (np.uint8, IMAGE.shape)
    assert np.abs(pixels.astype(int) - IMAGE).mean() < 20
    assert pixels.flags.writeable


@pytest.mark.parametrize(
    "told",
    [
        chunk(b"zTXt", b"history\0\0" + zlib.compress(bytes(3_000_000))),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(b"x" * 3_000_000)),
        chunk(b"iCCP", b"printer\0\0" + zlib.compress(bytes(3_000_000))),
        chunk(b"zTXt", b"history\0\0 damaged"),
        chunk(b"tEXt", b"k\0v") * 3000,
    ],
)
def test_a_png_is_read_whatever_else_its_program_wrote_into_it(told: bytes, tmp_path: Path) -> None:
    turned = PIL.Image.Exif()
    turned[0x112] = 3
    plain = encoded("PNG", exif=turned)
    end_of_head = 8 + 12 + 13
    path = tmp_path / "a.png"
    path.write_bytes(plain[:end_of_head] + told + plain[end_of_head:])
    np.testing.assert_array_equal(read_image(path), IMAGE[::-1, ::-1])
    np.testing.assert_array_equal(
        decode(path.read_bytes(), "image", 10_000).pixels, read_image(path)
    )
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(SourceError, match="no whole JPEG or PNG image"):
        read_image(path)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_a_png_hides_is_white(mode: str, tmp_path: Path) -> None:
    """As a person sees it: programs that cut an object out leave its surroundings, unseen."""
    alpha = np.full(IMAGE.shape[:2], 255, np.uint8)
    alpha[:8], alpha[-8:] = 0, 128
    shown = PIL.Image.fromarray(np.dstack([IMAGE, alpha])).convert("LA" if mode == "LA" else "RGBA")
    grey_or_not = np.asarray(shown.convert("RGBA"))[..., :3].astype(int)
    turned = PIL.Image.Exif()
    turned[0x112] = 3
    if mode == "P":
        palette = PIL.Image.fromarray(IMAGE).quantize(16, dither=PIL.Image.Dither.NONE)
        grey_or_not = np.asarray(palette.convert("RGB")).astype(int)
        alpha[:] = np.where(np.asarray(palette) == 3, 0, 255)
        palette.save(tmp_path / "a.png", transparency=3, exif=turned)
    else:
        shown.save(tmp_path / "a.png", exif=turned)
    share = alpha[..., None] / 255
    expected = (share * grey_or_not + (1 - share) * 255)[::-1, ::-1]
    np.testing.assert_allclose(read_image(tmp_path / "a.png"), expected, atol=1)
    data = (tmp_path / "a.png").read_bytes()
    np.testing.assert_allclose(decode(data, "image", 10_000).pixels, expected, atol=1)


@pytest.mark.parametrize(
    ("kind", "options"), [("WEBP", {"lossless": True, "exact": True}), ("TIFF", {}), ("GIF", {})]
)
def test_what_a_file_of_another_format_hides_is_white(
    kind: str, options: dict[str, Any], tmp_path: Path
) -> None:
    alpha = np.full(IMAGE.shape[:2], 255, np.uint8)
    alpha[:20] = 0
    image = PIL.Image.fromarray(np.dstack([np.full_like(IMAGE, 90), alpha]))
    image.save(tmp_path / "a", kind, **options)
    pixels = read_image(tmp_path / "a")
    assert (pixels[:20] == 255).all()
    assert (pixels[20:] == 90).all()


@pytest.mark.parametrize("kind", ["TIFF", "GIF", "WEBP"])
def test_a_file_of_several_images_is_refused(kind: str, tmp_path: Path) -> None:
    path, other = tmp_path / "a", PIL.Image.fromarray(255 - IMAGE)
    path.write_bytes(encoded(kind, save_all=True, append_images=[other]))
    with pytest.raises(SourceError, match="more than one image; give each as a file of its own"):
        read_image(path)


def test_a_tiff_with_a_small_copy_of_its_image(tmp_path: Path) -> None:
    path, copy = tmp_path / "a", PIL.Image.fromarray(IMAGE[::2, ::2])
    path.write_bytes(encoded("TIFF", save_all=True, append_images=[copy]))
    assert read_image(path).shape == IMAGE.shape


def test_a_format_that_is_not_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.heic"
    path.write_bytes(b"\0\0\0\x18ftypheic" + bytes(99))
    with pytest.raises(SourceError, match="it is HEIC: convert it to JPEG or PNG"):
        read_image(path)


@pytest.mark.parametrize("progressive", [False, True])
def test_half_a_jpeg_is_refused(progressive: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    data = encoded("JPEG", progressive=progressive)
    for cut in (2, 20, len(data) // 2, len(data) - 10):
        path.write_bytes(data[:-cut])
        with pytest.raises(SourceError, match=r"a\.jpg: no whole JPEG or PNG image"):
            read_image(path)
        with pytest.raises(InvalidInput, match="shots: no whole JPEG or PNG image"):
            decode(data[:-cut], "shots", MOST_PIXELS)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "WEBP", "TIFF"])
def test_half_of_another_file_is_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    data = encoded(kind)
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(SourceError, match="image"):
        read_image(path)


def test_a_photograph_that_was_taken_upright(tmp_path: Path) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # rotated by 90 degrees
    path = tmp_path / "a.jpg"
    path.write_bytes(encoded("JPEG", exif=exif))
    assert read_image(path).shape == (64, 48, 3)


def test_a_jpeg_with_a_second_image_in_it_is_the_first(tmp_path: Path) -> None:
    second = PIL.Image.new("RGB", (8, 8))
    data = encoded("MPO", save_all=True, append_images=[second])  # as many phones write it
    file = decode(data, "image", MOST_PIXELS)
    assert (file.format, file.pixels.shape) == ("JPEG", IMAGE.shape)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("place", ["utils.logging", "the top", "nowhere"])
def test_a_file_is_read_wherever_opencv_has_its_log_level(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenCV 4.10 and later ones differ."""
    levels: list[int] = []
    functions = {"getLogLevel": lambda: 3, "setLogLevel": levels.append}
    for module in (cv2, cv2.utils):
        monkeypatch.delattr(module, "setLogLevel", raising=False)
        monkeypatch.delattr(module, "logging", raising=False)
    if place == "utils.logging":
        monkeypatch.setattr(cv2.utils, "logging", SimpleNamespace(**functions), raising=False)
    elif place == "the top":
        for name, function in functions.items():
            monkeypatch.setattr(cv2, name, function, raising=False)
    path = tmp_path / "a.png"
    write_image(path, np.zeros((20, 30, 3), np.uint8))
    assert read_image(path).shape == (20, 30, 3)
    assert levels == ([] if place == "nowhere" else [0, 3])


def test_a_large_image_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    for size in (13_000, 40_000, 2**31 - 1):
        path.write_bytes(small_file_of_a_large_png(size, size))
        with pytest.raises(SourceError, match=r"a\.png: no whole JPEG or PNG image: .*pixels"):
            read_image(path)
    path.write_bytes(b"P6 2000000000 2000000000 255\n")
    with pytest.raises(SourceError, match=r"a\.png: not an image that OpenCV reads, or too large"):
        read_image(path)


def test_what_is_no_image(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"absent\.png: no such file"):
        read_image(tmp_path / "absent.png")
    damaged = tmp_path / "damaged.jpg"
    damaged.write_bytes(b"\xff\xd8\xff" + bytes(1000))
    with pytest.raises(SourceError, match=r"damaged\.jpg: .*: its beginning is damaged"):
        read_image(damaged)
    with pytest.raises(SourceError, match="cannot be read: Is a directory"):
        read_image(tmp_path)
    for data in (b"", b"hello", b"\xff\xd8\xff", b"GIF89a" + bytes(100)):
        (tmp_path / "a.png").write_bytes(data)
        with pytest.raises(SourceError, match=r"a\.png: no"):
            read_image(tmp_path / "a.png")


def test_an_image_is_written_as_its_name_says(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", IMAGE)
    assert (read_image(tmp_path / "a.png") == IMAGE).all()
    for path in (tmp_path / "absent" / "a.png", tmp_path / "a.xyz", tmp_path / "a"):
        with pytest.raises(SourceError, match=r"cannot be written; give a folder that exists"):
            write_image(path, IMAGE)
