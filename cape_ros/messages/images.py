"""Image messages as pixels, raw and compressed ones; an image is viewed, not copied."""

from __future__ import annotations

import io
from typing import Any

import cv2
import numpy as np
import PIL.Image

from cape_ros.core import images
from cape_ros.core.errors import InvalidInput
from cape_ros.messages import bridge
from cape_ros.messages.encodings import LAYOUTS, MOST_PIXELS, to_rgb

JPEG_END, PNG_END = b"\xff\xd9", b"IEND"
ENDS_WITHIN = 64  # bytes: some cameras pad what they send


def is_raw(message: Any) -> bool:
    """Whether it is a sensor_msgs/Image, not a sensor_msgs/CompressedImage."""
    return hasattr(message, "encoding")


def to_array(image: Any, field: str = "image") -> np.ndarray:
    """A sensor_msgs/Image as HxWx3 uint8 RGB: a view into the message for rgb8 and bgr8.

    Raises `InvalidInput` for data that does not fit the size, for what is no picture, and for an
    encoding that neither this package nor cv_bridge (if it is installed) knows.
    """
    layout = LAYOUTS.get(image.encoding)
    if layout is None:
        return bridge.convert(image, field)
    return to_rgb(image, layout, field)


def decode(data: Any, field: str) -> np.ndarray:
    """A JPEG or PNG file as HxWx3 uint8 RGB. Raises `InvalidInput`."""
    return images.decode(data, f"{field}.data", MOST_PIXELS).pixels


def read_image(message: Any, field: str = "image") -> np.ndarray:
    """An image message of either kind as HxWx3 uint8 RGB. Raises `InvalidInput`."""
    return to_array(message, field) if is_raw(message) else decode(message.data, field)


def read_frame(message: Any) -> np.ndarray:
    """The same for a camera's frame, as fast as it goes: what is cut off is found by its end."""
    if is_raw(message):
        return to_array(message)
    data = np.frombuffer(message.data, np.uint8)
    end = data[-ENDS_WITHIN:].tobytes()
    if not any(mark in end for mark in (JPEG_END, PNG_END)):
        raise InvalidInput.of("image.data", f"{data.size} bytes are no whole JPEG or PNG image")
    try:
        with PIL.Image.open(io.BytesIO(message.data), formats=("JPEG", "PNG")) as file:
            width, height = file.size  # from the first bytes; nothing is decoded yet
    except Exception as error:
        raise InvalidInput.of("image.data", f"no JPEG or PNG image: {error}") from error
    if width * height > MOST_PIXELS:
        raise InvalidInput.of("image.data", f"an image of {width} x {height} pixels")
    try:
        pixels = cv2.imdecode(data, cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise InvalidInput.of("image.data", str(error)) from error
    if pixels is None:
        raise InvalidInput.of("image.data", "a damaged JPEG or PNG image")
    return np.asarray(pixels, np.uint8)[..., ::-1]


def to_jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    """HxWx3 uint8 RGB as the bytes [N] uint8 of a JPEG file."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    return cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), options)[1]
