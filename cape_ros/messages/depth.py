"""Depth images of sensor_msgs, viewed without a copy."""

from __future__ import annotations

from typing import Any

import numpy as np

from cape_ros.core.errors import InvalidInput
from cape_ros.messages.encodings import check_size
from cape_ros.perception.spatial import DepthImage

ENCODINGS = {"16UC1": "u2", "mono16": "u2", "32FC1": "f4"}


def to_depth(image: Any, field: str = "depth") -> DepthImage:
    """A sensor_msgs/Image of 16UC1 (millimetres) or 32FC1 (metres). Raises `InvalidInput`."""
    kind = ENCODINGS.get(image.encoding)
    if kind is None:
        known = ", ".join(ENCODINGS)
        raise InvalidInput.of(f"{field}.encoding", f"{image.encoding!r} is not one of {known}")
    check_size(image, field)
    sample = np.dtype(kind).newbyteorder(">" if image.is_bigendian else "<")
    used = image.width * sample.itemsize
    if image.step < used:
        reason = f"{image.step} bytes are fewer than a row of {image.width} {image.encoding} pixels"
        raise InvalidInput.of(f"{field}.step", reason)
    data = np.frombuffer(image.data, np.uint8)
    if data.size < (image.height - 1) * image.step + used:
        reason = f"{data.size} bytes do not hold {image.height} rows of {image.step} bytes"
        raise InvalidInput.of(f"{field}.data", reason)
    shape, strides = (image.height, image.width), (image.step, sample.itemsize)
    values: np.ndarray = np.ndarray(shape, sample, data, strides=strides)
    return DepthImage.of(values)
