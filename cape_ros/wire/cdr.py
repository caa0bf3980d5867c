"""Messages to and from CDR, the bytes that ROS 2 sends. rosbags makes the code of each type."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from rosbags.serde import SerdeError

from cape_ros.wire.definitions import STORE

ENCAPSULATION = 4  # octets before the body: which kind of CDR
LITTLE_ENDIAN = b"\x00\x01\x00\x00"


def to_cdr(message: Any, header: bytes = b"") -> np.ndarray:
    """uint8, padded to a multiple of 4. header: goes before the body, a multiple of 8 octets.

    Raises ValueError for a number that its field cannot hold.
    """
    name = message.__msgtype__
    code = STORE.get_msgdef(name)
    begin = ENCAPSULATION + len(header)
    size = begin + code.getsize_cdr(0, message, STORE)
    octets = np.zeros(-(-size // 4) * 4, np.uint8)  # the generated code skips padding
    view = memoryview(octets)  # type: ignore[arg-type]
    view[:begin] = LITTLE_ENDIAN + header
    try:
        code.serialize_cdr_le(view[begin:size], 0, message, STORE)
    except struct.error as error:
        raise ValueError(f"{name}: {error}") from error
    return octets


def from_cdr(octets: memoryview, cls: Any, header: int = 0) -> Any:
    """A message of class `cls`; its octets are views of the buffer. header: octets to skip.

    Raises ValueError for what is not such a message.
    """
    name = cls.__msgtype__
    if len(octets) < ENCAPSULATION + header or octets[0] or octets[1] > 1:
        raise ValueError(f"{name}: {len(octets)} octets without a plain CDR header")
    code = STORE.get_msgdef(name)
    read = code.deserialize_cdr_le if is_little_endian(octets) else code.deserialize_cdr_be
    body = octets[ENCAPSULATION + header :]
    try:
        message, end = read(body, 0, cls, STORE)
    except (SerdeError, struct.error, UnicodeDecodeError, TypeError) as error:
        raise ValueError(f"{name}: {error}") from error
    if not end <= len(body) < end + 4:
        raise ValueError(f"{name}: {len(body)} octets where {end} were expected")
    return message


def is_little_endian(octets: memoryview) -> bool:
    return octets[1] == 1
