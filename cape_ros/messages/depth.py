"""Depth images of sensor_msgs: raw ones are viewed without a copy; those of compressedDepth, from
image_transport's compressed_depth_image_transport, are a PNG after twelve bytes of parameters."""

from __future__ import annotations

import struct
from typing import Any

import cv2
import numpy as np

from cape_ros.core.errors import InvalidInput
from cape_ros.messages.encodings import MOST_PIXELS, check_size, read_rows
from cape_ros.perception.spatial import DepthImage

PARAMETERS = struct.Struct("<iff")  # the kind, and two of the quantisation of 32FC1
PNG_START = b"\x89PNG\r\n\x1a\n"
ENCODINGS = {"16UC1": "u2", "mono16": "u2", "32FC1": "f4"}


def to_depth(message: Any, field: str = "depth") -> DepthImage:
    """A sensor_msgs/Image or CompressedImage of 16UC1 (millimetres) or 32FC1 (metres).

    Raises `InvalidInput`.
    """
    if hasattr(message, "encoding"):  # only the raw one has it
        return _raw(message, field)
    return _compressed(message, field)


def _raw(image: Any, field: str) -> DepthImage:
    kind = ENCODINGS.get(image.encoding)
    if kind is None:
        known = ", ".join(ENCODINGS)
        raise InvalidInput.of(f"{field}.encoding", f"{image.encoding!r} is not one of {known}")
    check_size(image, field)
    sample = np.dtype(kind).newbyteorder(">" if image.is_bigendian else "<")
    used = image.width * sample.itemsize
    data = read_rows(image, image.height, used, field)
    shape, strides = (image.height, image.width), (image.step, sample.itemsize)
    values: np.ndarray = np.ndarray(shape, sample, data, strides=strides)
    return DepthImage.of(values)


def _compressed(message: Any, field: str) -> DepthImage:
    encoding, _, kind = message.format.partition(";")
    if encoding not in ENCODINGS or "compressedDepth" not in kind or "rvl" in kind:
        reason = f"{message.format!r} is not 16UC1 or 32FC1 of compressedDepth as PNG"
        raise InvalidInput.of(f"{field}.format", reason)
    data = np.frombuffer(message.data, np.uint8)
    png = data[PARAMETERS.size :]
    width, height = _png_size(png)
    if not 0 < width * height <= MOST_PIXELS:
        raise InvalidInput.of(f"{field}.data", "is no PNG of a possible size")
    values = cv2.imdecode(png, cv2.IMREAD_UNCHANGED)
    if values is None or values.ndim != 2 or values.dtype != np.uint16:
        raise InvalidInput.of(f"{field}.data", "is no PNG of 16 bits and one channel")
    if ENCODINGS[encoding] == "f4":
        _, scale, offset = PARAMETERS.unpack(data[: PARAMETERS.size].tobytes())
        with np.errstate(all="ignore"):
            values = np.where(values > 0, scale / (values.astype(np.float32) - offset), 0)
    return DepthImage.of(np.asarray(values))


def _png_size(png: np.ndarray) -> tuple[int, int]:
    """Width and height by the header of a PNG file [N] uint8; 0 for another one."""
    head = png[:24].tobytes()
    if head[:8] != PNG_START or len(head) < 24:
        return 0, 0
    width, height = struct.unpack(">II", head[16:])
    return width, height
