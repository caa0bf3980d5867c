"""Reads and writes image files; an untrusted file is checked before it is decoded."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL.Image

from cape_ros.core.errors import InvalidInput, SourceError
from cape_ros.core.files import check_file_target, check_name, read_file
from cape_ros.core.jpeg import check_parts
from cape_ros.core.opacity import lay_over_white, opacity
from cape_ros.core.png import is_turned, without_metadata

FORMATS = ("JPEG", "PNG")
SIGNATURES = (  # how a file begins; "?" is any byte
    ("JPEG", b"\xff\xd8\xff"),
    ("PNG", b"\x89PNG\r\n\x1a\n"),
    ("WebP", b"RIFF????WEBP"),
    ("GIF", b"GIF8"),
    ("BMP", b"BM????\0\0\0\0"),
    ("TIFF", b"II*\0"),
    ("TIFF", b"MM\0*"),
    ("JPEG 2000", b"\0\0\0\x0cjP  "),
    ("AVIF", b"????ftypavif"),
    ("HEIC", b"????ftyphei"),
    ("HEIC", b"????ftypmif1"),
)
SILENT = 0  # OpenCV's log level
MOST_PIXELS = 150_000_000  # of a file that a person names: 450 MB as RGB


@dataclass(frozen=True)
class ImageFile:
    """A JPEG or PNG that was decoded once: format, and its pixels [H, W, 3] uint8 RGB.

    plain: whether every program shows these pixels.
    """

    format: str
    pixels: np.ndarray
    plain: bool = True


def image_kind(data: Any) -> str | None:
    """The format that the first bytes of a file are of, "WebP"; None for no image known here."""
    start = bytes(memoryview(data)[:16])
    for kind, signature in SIGNATURES:
        pairs = zip(start, signature, strict=False)
        if len(start) >= len(signature) and all(at in (byte, b"?"[0]) for byte, at in pairs):
            return kind
    return None


def decode(data: Any, field: str, most_pixels: int) -> ImageFile:
    """A JPEG or PNG file from anywhere, upright as its EXIF orientation says, over white.

    data: bytes, or what has them. Raises `InvalidInput`: for an image that is too large before
    anything of it is decoded.
    """
    try:
        return _decode_whole(data, most_pixels)
    except Exception as error:  # a decoder raises anything, and of nothing but the data
        raise InvalidInput.of(field, f"no whole JPEG or PNG image: {error}") from error


def read_image(path: Path) -> np.ndarray:
    """An image file as [H, W, 3] uint8 RGB, upright as its EXIF orientation says, over white.

    Of a JPEG or PNG as strict as `decode`; other formats as far as OpenCV reads them. Raises
    `SourceError`, also for a file of several images.
    """
    data = read_file(path)
    if image_kind(data) in FORMATS:
        try:
            with warnings.catch_warnings():  # Pillow warns of large images; the limit here is ours
                warnings.simplefilter("ignore", PIL.Image.DecompressionBombWarning)
                return _decode_whole(data, MOST_PIXELS).pixels
        except Exception as error:  # a decoder raises anything, and of nothing but the data
            raise SourceError(f"{path}: no whole JPEG or PNG image: {error}") from error
    if _holds_several(data):
        raise SourceError(f"{path}: holds more than one image; give each as a file of its own")
    pixels = _decode_with_opencv(data)
    if pixels is None:
        kind = image_kind(data)
        advice = f"; it is {kind}: convert it to JPEG or PNG" if kind else ""
        raise SourceError(f"{path}: not an image that OpenCV reads, or too large for it{advice}")
    with warnings.catch_warnings(), suppress(Exception):  # OpenCV may read what Pillow does not
        warnings.simplefilter("ignore")
        alpha = opacity(data)
        if alpha is not None and alpha.shape == pixels.shape[:2]:
            lay_over_white(pixels, alpha)
    return pixels


def check_image_target(path: Path, field: str) -> None:
    """Before minutes of work: whether `write_image` can write there. Raises `InvalidInput`."""
    check_name(path)
    check_file_target(path, field)
    if not cv2.haveImageWriter(str(path)):
        raise InvalidInput.of(field, f"{path} cannot be written; give .png or .jpg")


def write_image(path: Path, pixels: np.ndarray) -> None:
    """[H, W, 3] uint8 RGB into a file of the kind that its name ends in. Raises `SourceError`."""
    check_name(path)
    try:
        written = cv2.imwrite(str(path), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    except cv2.error:  # an ending that OpenCV does not know
        written = False
    if not written:
        raise SourceError(f"{path}: cannot be written; give a folder that exists, .png or .jpg")


@contextmanager
def quiet_opencv() -> Iterator[None]:
    """What OpenCV would print about a file is not printed: the caller says it in one sentence."""
    # Where the releases of OpenCV have it; some have it nowhere, and print.
    places = getattr(getattr(cv2, "utils", None), "logging", None), cv2
    log = next((place for place in places if hasattr(place, "setLogLevel")), None)
    if log is None:
        yield
        return
    level = log.getLogLevel()
    log.setLogLevel(SILENT)
    try:
        yield
    finally:
        log.setLogLevel(level)


def check_whole(data: Any, most_pixels: int) -> str:
    """The format of a whole JPEG or PNG file. Raises anything for another one."""
    kind = image_kind(data)
    if kind not in FORMATS:
        raise ValueError(f"{kind} is not read; convert it" if kind else "it begins as neither")
    octets = bytes(data)
    try:
        judged = without_metadata(octets) if kind == "PNG" else octets
        opened = PIL.Image.open(io.BytesIO(judged), formats=FORMATS)
    except PIL.UnidentifiedImageError:  # its words are of an object in memory
        raise ValueError("its beginning is damaged") from None
    with opened as file:
        width, height = file.size
        if width * height > most_pixels:
            raise ValueError(f"{width} x {height} pixels are more than {most_pixels}")
        # OpenCV fills up with grey what is cut off.
        if kind == "JPEG":
            check_parts(octets)
        else:
            file.load()
    return kind


def _decode_whole(data: Any, most_pixels: int) -> ImageFile:
    """Raises anything."""
    kind = check_whole(data, most_pixels)
    pixels = _decode_with_opencv(data)
    if pixels is None:
        raise ValueError("OpenCV cannot decode it")
    if kind == "JPEG":
        return ImageFile(kind, pixels)
    octets = bytes(data)
    alpha = opacity(without_metadata(octets))
    if alpha is not None:
        lay_over_white(pixels, alpha)
    return ImageFile(kind, pixels, alpha is None and not is_turned(octets))


def _holds_several(data: bytes) -> bool:
    """Whether a file has several images of one size: a TIFF may have smaller copies of its one."""
    with warnings.catch_warnings(), suppress(Exception):  # OpenCV may read what Pillow does not
        warnings.simplefilter("ignore")
        with PIL.Image.open(io.BytesIO(data)) as file:
            size = file.size
            for index in range(1, getattr(file, "n_frames", 1)):
                file.seek(index)
                if file.size == size:
                    return True
    return False


def _decode_with_opencv(data: Any) -> np.ndarray | None:
    """[H, W, 3] uint8 RGB, None if that cannot be."""
    try:
        with quiet_opencv():
            pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:  # of no data, and of more pixels than OpenCV allows
        return None
    return None if pixels is None else cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
