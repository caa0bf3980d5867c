"""Encodes images as JPEG and PNG for the browser."""

from __future__ import annotations

import cv2
import numpy as np

QUALITY = 80  # of the live view's JPEGs


def to_jpeg(image: np.ndarray, width: int | None = None, quality: int = QUALITY) -> bytes:
    """HxWx3 uint8 RGB as a JPEG that is at most `width` wide."""
    # A camera's BGR image is a view with its channels reversed: OpenCV wants it unreversed.
    backwards = image.strides[2] < 0
    pixels = image[..., ::-1] if backwards else image
    height = image.shape[0]
    if width is not None and width < image.shape[1]:
        size = width, max(1, round(height * width / image.shape[1]))
        # Averaging takes several times as long: only where most pixels would be skipped.
        few = 2 * width < image.shape[1]
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if few else cv2.INTER_LINEAR)
    if not backwards:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def to_png(image: np.ndarray) -> bytes:
    """HxWx3 uint8 RGB as a PNG: nothing is lost, and it is quick rather than small."""
    pixels = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2BGR)
    return cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
