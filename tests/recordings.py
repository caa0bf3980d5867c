"""Small recordings of rosbag2, made without ROS."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

TYPES = get_typestore(Stores.ROS2_JAZZY)
SECOND = 10**9
BEGIN = 1_700_000_000 * SECOND
Message = tuple[str, int, Any]


def record(folder: Path, storage: str, messages: Sequence[Message]) -> Path:
    """messages: topic, when it was recorded [ns], and the message, of a class in `TYPES`."""
    with Writer(folder, version=9, storage_plugin=StoragePlugin[storage.upper()]) as writer:
        connections = {}
        for topic, stamp, message in messages:
            kind = message.__msgtype__
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=TYPES)
            writer.write(connections[topic], stamp, TYPES.serialize_cdr(message, kind))
    return folder


def raw(pixels: np.ndarray, stamp: int, encoding: str = "rgb8") -> Any:
    """sensor_msgs/Image of pixels [H, W, 3] or [H, W]."""
    height, width = pixels.shape[:2]
    data = np.frombuffer(pixels.tobytes(), np.uint8)
    image = TYPES.types["sensor_msgs/msg/Image"]
    return image(header(stamp), height, width, encoding, 0, data.size // height, data)


def compressed(pixels: np.ndarray, stamp: int) -> Any:
    """sensor_msgs/CompressedImage of pixels [H, W, 3]: a JPEG."""
    jpeg = cv2.imencode(".jpg", np.ascontiguousarray(pixels[..., ::-1]))[1].ravel()
    return TYPES.types["sensor_msgs/msg/CompressedImage"](header(stamp), "jpeg", jpeg)


def text(words: str) -> Any:
    return TYPES.types["std_msgs/msg/String"](words)


def header(stamp: int) -> Any:
    time = TYPES.types["builtin_interfaces/msg/Time"](*divmod(stamp, SECOND))
    return TYPES.types["std_msgs/msg/Header"](time, "camera")
