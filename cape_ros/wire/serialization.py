"""rclpy.serialization: messages to and from the bytes that are sent."""

from __future__ import annotations

from typing import Any

from cape_ros.wire.cdr import from_cdr, to_cdr


def serialize_message(message: Any) -> bytes:
    return to_cdr(message).tobytes()


def deserialize_message(serialized_message: bytes, message_type: Any) -> Any:
    """Raises ValueError for bytes that are no such message."""
    return from_cdr(memoryview(serialized_message), message_type)
