"""An image file from outside, of which nothing is trusted."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import PIL.Image

from cape_ros.errors import InvalidInput

FORMATS = ("JPEG", "PNG")


@dataclass(frozen=True)
class ImageFile:
    """A JPEG or PNG that was decoded once: format, and its pixels [H, W, 3] uint8 RGB."""

    format: str
    pixels: np.ndarray


def decode(data: Any, field: str, most_pixels: int) -> ImageFile:
    """data: bytes, or what has them. Raises `InvalidInput`: for an image that is too large before
    anything of it is decoded."""
    try:
        with PIL.Image.open(io.BytesIO(data), formats=FORMATS) as file:
            width, height = file.size
            if width * height > most_pixels:
                raise ValueError(f"{width} x {height} pixels are more than {most_pixels}")
            file.load()  # the whole file: OpenCV fills up with grey what is cut off
            kind = str(file.format)
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        return ImageFile(kind, cv2.cvtColor(np.asarray(pixels, np.uint8), cv2.COLOR_BGR2RGB))
    except Exception as error:  # a decoder raises anything, and of nothing but the data
        raise InvalidInput.of(field, f"no whole JPEG or PNG image: {error}") from error
