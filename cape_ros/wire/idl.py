"""The types that Cyclone DDS registers with its topics, made from the ROS 2 definitions."""

from __future__ import annotations

from functools import cache
from typing import Any

from cyclonedds.idl import make_idl_struct
from cyclonedds.idl import types as _types
from rosbags.interfaces import Nodetype

from cape_ros.wire.definitions import STORE

types: Any = _types  # its classes are subscripted in ways that no checker follows

PRIMITIVES = {
    "bool": bool,
    "byte": types.uint8,
    "char": types.uint8,
    "int8": types.int8,
    "uint8": types.uint8,
    "int16": types.int16,
    "uint16": types.uint16,
    "int32": types.int32,
    "uint32": types.uint32,
    "int64": types.int64,
    "uint64": types.uint64,
    "float32": types.float32,
    "float64": types.float64,
}

# rmw_cyclonedds sends this before every request and response, to bring them together.
REQUEST_HEADER = {"client_guid": types.uint64, "sequence_number": types.int64}


@cache
def dds_type(name: str) -> Any:
    """`package/msg/Name` as the struct `package::msg::dds_::Name_`."""
    package, kind, short_name = name.split("/")
    fields = {field: _type_of(definition) for field, definition in STORE.fielddefs[name][1]}
    if kind == "srv":
        fields = REQUEST_HEADER | fields
    return make_idl_struct(f"{short_name}_", f"{package}.{kind}.dds_.{short_name}_", fields)


def _type_of(definition: Any) -> Any:
    node, inner = definition
    if node == Nodetype.NAME:
        return dds_type(inner)
    if node == Nodetype.BASE:
        name, bound = inner
        if name == "string":
            return types.bounded_str[bound] if bound else str
        return PRIMITIVES[name]
    element, length = _type_of(inner[0]), inner[1]
    if node == Nodetype.ARRAY:
        return types.array[element, length]
    return types.sequence[element, length] if length else types.sequence[element]
