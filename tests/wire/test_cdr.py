from __future__ import annotations

import contextlib
import math
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rosbags.interfaces import Nodetype
from sensor_msgs.msg import Image

from cape_ros.msg import Keypoint, KeypointArray
from cape_ros.wire.cdr import from_cdr, to_cdr
from cape_ros.wire.definitions import STORE
from cape_ros.wire.idl import dds_type
from cape_ros.wire.interfaces import message

TYPES = [
    "cape_ros/msg/KeypointArray",
    "cape_ros/msg/CategoryArray",
    "cape_ros/msg/SupportShot",
    "cape_ros/srv/RegisterCategory_Request",
    "rcl_interfaces/msg/ParameterEvent",
    "rcl_interfaces/msg/ParameterDescriptor",
    "sensor_msgs/msg/CameraInfo",
    "diagnostic_msgs/msg/DiagnosticArray",
    "rmw_dds_common/msg/ParticipantEntitiesInfo",
    "std_msgs/msg/Empty",
]
WHOLE = {"byte": (-128, 127), "char": (0, 255)} | {
    f"{sign}int{bits}": (0, 2**bits - 1) if sign else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    for sign in ("", "u")
    for bits in (8, 16, 32, 64)
}


def numbers(name: str) -> st.SearchStrategy[Any]:
    if name == "bool":
        return st.booleans()
    if name.startswith("float"):
        return st.floats(width=int(name[5:]), allow_nan=False)
    return st.integers(*WHOLE[name])


def values(kind: Any) -> st.SearchStrategy[Any]:
    node, inner = kind
    if node == Nodetype.NAME:
        return messages(inner)
    if node == Nodetype.BASE:
        name, limit = inner
        if name == "string":
            texts = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=9)
            return texts.map(lambda text: text[:limit]) if limit else texts
        return numbers(name)
    element, length = inner
    if node == Nodetype.ARRAY:
        return st.lists(values(element), min_size=length, max_size=length)
    return st.lists(values(element), max_size=min(length or 3, 3))


def messages(name: str) -> st.SearchStrategy[Any]:
    fields = {field: values(kind) for field, kind in STORE.fielddefs[name][1]}
    return st.builds(message(name), **fields)


def read(octets: np.ndarray | bytes, cls: Any) -> Any:
    return from_cdr(memoryview(octets), cls)  # type: ignore[arg-type]


def as_idl(value: Any) -> Any:
    """A message as the binding of Cyclone DDS has it, for its own CDR."""
    if hasattr(value, "__msgtype__"):
        fields = STORE.fielddefs[value.__msgtype__][1]
        filled = {field: as_idl(getattr(value, field)) for field, _ in fields}
        return dds_type(value.__msgtype__)(**filled)
    if isinstance(value, bytes):
        return value[0]
    if isinstance(value, np.ndarray) and value.dtype == np.int8:
        return value.view(np.uint8).tolist()
    if hasattr(value, "tolist"):
        return value.tolist()
    return [as_idl(element) for element in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", TYPES)
@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.data())
def test_messages_come_back_as_they_were(name, data):
    sent = data.draw(messages(name))
    assert read(to_cdr(sent), message(name)) == sent


@pytest.mark.parametrize("name", [name for name in TYPES if "/msg/" in name])
@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.data())
def test_the_bytes_are_those_of_another_implementation(name, data):
    sent = data.draw(messages(name))
    ours, theirs = to_cdr(sent).tobytes(), as_idl(sent).serialize(use_version_2=False)
    assert len(ours) - len(theirs) in range(4)
    assert ours[4 : len(theirs)] == theirs[4:]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_a_value_error(octets):
    for cls in (KeypointArray, Image):
        for endianness in (b"\0\0\0\0", b"\0\1\0\0"):
            with contextlib.suppress(ValueError):
                assert isinstance(read(endianness + octets, cls), cls)


def test_a_message_cut_off_anywhere_is_an_error():
    whole = to_cdr(Image(encoding="rgb8", data=b"123456")).tobytes()
    for length in range(len(whole) - 3):
        with pytest.raises(ValueError, match="sensor_msgs/msg/Image"):
            read(whole[:length], Image)
    with pytest.raises(ValueError, match="octets where"):
        read(whole + bytes(8), Image)


def test_big_endian_peers_are_understood():
    octets = b"\0\0\0\0" + struct.pack(">fffB", 1.5, -2.5, 0.25, 2)
    assert read(octets, Keypoint) == Keypoint(x=1.5, y=-2.5, score=0.25, visibility=2)


def test_pixels_are_seen_where_they_arrived():
    octets = to_cdr(Image(data=bytes(range(256))))
    received = read(octets, Image)
    assert np.shares_memory(received.data, octets)
    assert bytes(received.data) == bytes(range(256))


def test_numbers_too_large_for_their_field_are_refused():
    with pytest.raises(ValueError, match="sensor_msgs/msg/Image"):
        to_cdr(Image(height=2**32))


def test_nan_and_infinity_travel():
    sent = Keypoint(x=math.inf, y=math.nan)
    received = read(to_cdr(sent), Keypoint)
    assert received.x == math.inf
    assert math.isnan(received.y)
