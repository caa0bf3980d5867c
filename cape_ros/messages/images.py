"""Image messages as pixels, raw and compressed ones; an image is viewed, not copied."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from cape_ros.messages import bridge, compressed
from cape_ros.messages.encodings import LAYOUTS, to_rgb


def to_array(image: Any, field: str = "image") -> np.ndarray:
    """A sensor_msgs/Image as HxWx3 uint8 RGB: a view into the message for rgb8 and bgr8.

    Raises `InvalidInput` for data that does not fit the size, for what is no picture, and for an
    encoding that neither this package nor cv_bridge (if it is installed) knows.
    """
    layout = LAYOUTS.get(image.encoding)
    if layout is None:
        return bridge.convert(image, field)
    return to_rgb(image, layout, field)


def read_image(message: Any, field: str = "image", fast: bool = False) -> np.ndarray:
    """A sensor_msgs/Image or CompressedImage as HxWx3 uint8 RGB. Raises `InvalidInput`.

    fast: for a camera's frames; a compressed image that ends as a file does is taken for whole.
    """
    if hasattr(message, "encoding"):  # only the raw one has it
        return to_array(message, field)
    return compressed.to_rgb(message, field, fast)


def to_jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    """HxWx3 uint8 RGB as the bytes [N] uint8 of a JPEG file."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    return cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), options)[1]
