"""sensor_msgs/CompressedImage as RGB, by what its bytes are and its `format` says of the colours.

image_transport writes "rgb8; jpeg compressed bgr8": the encoding of the camera, the file format and
the order of the colours in the file. Cameras also write "jpeg".
"""

from __future__ import annotations

import io
from typing import Any

import cv2
import numpy as np
import PIL.Image

from cape_ros.core.errors import InvalidInput
from cape_ros.core.images import FORMATS, check_whole, image_kind
from cape_ros.messages.bridge import NO_PICTURE
from cape_ros.messages.encodings import MOSAICS, MOST_PIXELS

ENDS = (b"\xff\xd9", b"IEND")  # of a JPEG and a PNG file
ENDS_WITHIN = 64  # bytes
# As image_transport does: CameraInfo and boxes are of the pixels as they are sent.
COLOUR = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
COLOURS = ("rgb8", "bgr8", "rgba8", "bgra8", "rgb16", "bgr16", "rgba16", "bgra16")


def to_rgb(message: Any, field: str, fast: bool = False) -> np.ndarray:
    """A JPEG or PNG message as [H, W, 3] uint8 RGB, not rotated by an EXIF orientation.

    fast: an image whose last bytes end a file is taken for whole; others are read twice to be sure.
    Raises `InvalidInput`: for other formats, video and depth, whose format it names, and for an
    image that is cut off, damaged or too large.
    """
    data, encoding, colours = message.data, *_format(message.format)
    if "compresseddepth" in message.format.lower() or NO_PICTURE.fullmatch(encoding):
        reason = f"{message.format.strip()!r} is depth or numbers, not a picture"
        raise InvalidInput.of(f"{field}.format", reason)
    kind = image_kind(data)
    if kind not in FORMATS:
        said = f"{message.format.strip()[:60]!r}: " if message.format.strip() else ""
        reason = f"{said}{len(data)} bytes are {kind or 'no whole JPEG or PNG image'}"
        raise InvalidInput.of(f"{field}.data", f"{reason}; have the camera send JPEG or PNG")
    mosaic = MOSAICS.get(encoding[6:10]) if encoding.startswith("bayer_") else None
    try:
        _check(data, fast)
        flags = COLOUR if mosaic is None else cv2.IMREAD_UNCHANGED
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except Exception as error:  # a decoder raises anything, and of nothing but the data
        raise InvalidInput.of(f"{field}.data", f"no whole {kind} image: {error}") from error
    if pixels is None:
        raise InvalidInput.of(f"{field}.data", f"a damaged {kind} image")
    if mosaic is not None and pixels.ndim == 2:
        eight = pixels if pixels.dtype == np.uint8 else (pixels // 256).astype(np.uint8)
        return cv2.cvtColor(eight, mosaic)
    if mosaic is not None and pixels.shape[2] == 4:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGRA2BGR)
    swapped = encoding in COLOURS and colours is not None and not colours.startswith("bgr")
    return np.asarray(pixels if swapped else pixels[..., ::-1], np.uint8)


def pixel_count(message: Any) -> int:
    """Of an image that says so in its first bytes, without decoding it; 0 of what is none."""
    try:
        with PIL.Image.open(io.BytesIO(message.data), formats=FORMATS) as file:
            return int(file.width * file.height)
    except Exception:  # a decoder raises anything; reading it says what is wrong
        return 0


def _format(text: str) -> tuple[str, str | None]:
    """The camera's encoding and the order of the colours in the file: "rgb8" and "bgr8" of
    "rgb8; jpeg compressed bgr8"; "" and None where the format does not say them."""
    encoding, separator, rest = text.partition(";")
    if not separator:
        return "", None
    return encoding.strip(), rest.partition("compressed")[2].strip()


def _check(data: Any, fast: bool) -> None:
    """Raises anything for a file that is cut off or too large."""
    end = bytes(memoryview(data)[-ENDS_WITHIN:])
    if not fast or not any(mark in end for mark in ENDS):
        check_whole(data, MOST_PIXELS)
        return
    with PIL.Image.open(io.BytesIO(data), formats=FORMATS) as file:
        width, height = file.size  # from the first bytes; nothing is decoded yet
    if width * height > MOST_PIXELS:
        raise ValueError(f"{width} x {height} pixels are more than {MOST_PIXELS}")
