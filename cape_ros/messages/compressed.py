"""A sensor_msgs/CompressedImage as RGB."""

from __future__ import annotations

import io
from typing import Any

import cv2
import numpy as np
import PIL.Image

from cape_ros.core import images
from cape_ros.core.errors import InvalidInput
from cape_ros.messages.encodings import MOST_PIXELS

JPEG_END, PNG_END = b"\xff\xd9", b"IEND"
ENDS_WITHIN = 64  # bytes: some cameras pad what they send


def to_rgb(message: Any, field: str, fast: bool = False) -> np.ndarray:
    """A JPEG or PNG message as [H, W, 3] uint8 RGB.

    fast: what is cut off is found by its end alone. Raises `InvalidInput`.
    """
    where = f"{field}.data"
    if not fast:
        return images.decode(message.data, where, MOST_PIXELS).pixels
    data = np.frombuffer(message.data, np.uint8)
    end = data[-ENDS_WITHIN:].tobytes()
    if not any(mark in end for mark in (JPEG_END, PNG_END)):
        raise InvalidInput.of(where, f"{data.size} bytes are no whole JPEG or PNG image")
    try:
        with PIL.Image.open(io.BytesIO(message.data), formats=("JPEG", "PNG")) as file:
            width, height = file.size  # from the first bytes; nothing is decoded yet
    except Exception as error:
        raise InvalidInput.of(where, f"no JPEG or PNG image: {error}") from error
    if width * height > MOST_PIXELS:
        raise InvalidInput.of(where, f"an image of {width} x {height} pixels")
    try:
        pixels = cv2.imdecode(data, cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise InvalidInput.of(where, str(error)) from error
    if pixels is None:
        raise InvalidInput.of(where, "a damaged JPEG or PNG image")
    return np.asarray(pixels, np.uint8)[..., ::-1]
