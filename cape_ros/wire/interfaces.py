"""Message and service classes, made from their definitions when first asked for.

They behave like the classes that rosidl generates for rclpy, with two differences: `uint8[]` of a
received message is a numpy view of the received buffer, and values are checked when assigned.
"""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from rosbags.interfaces import Nodetype
from rosbags.typesys.base import normalize_fieldname

from cape_ros.wire.definitions import DEFAULT_VALUES, PLACEHOLDER, STORE
from cape_ros.wire.sequences import DTYPES, array_of, empty_sequence, sequence_of, to_byte

# For fields of a basic type, the others being whole numbers.
DEFAULTS: dict[str, Callable[[], Any]] = {
    "bool": bool,
    "byte": lambda: to_byte(0),
    "float32": float,
    "float64": float,
    "string": str,
}
CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "bool": bool,
    "byte": to_byte,
    "float32": float,
    "float64": float,
}

_lock = threading.RLock()


class Message:
    """Base of all message classes; fields are given by keyword, or all in order."""

    __slots__ = ()
    __msgtype__: ClassVar[str]
    _defaults: ClassVar[dict[str, Callable[[], Any]]]
    _converters: ClassVar[dict[str, Callable[[Any], Any]]]
    _types: ClassVar[dict[str, str]]

    def __init__(self, *args: Any, **fields: Any) -> None:
        for name, value in zip(self._defaults, args, strict=False):
            setattr(self, name, value)
        for name in list(self._defaults)[len(args) :]:
            if name not in fields:
                object.__setattr__(self, name, self._defaults[name]())
        for name, value in fields.items():
            setattr(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        converter = self._converters.get(name)
        if converter is None:
            raise AttributeError(f"{self.__msgtype__} has no field {name!r}")
        try:
            object.__setattr__(self, name, converter(value))
        except (TypeError, ValueError, OverflowError) as error:
            raise type(error)(f"{self.__msgtype__}.{name}: {error}") from None

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._types)
        return f"{self.__msgtype__.replace('/', '.')}({fields})"

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(
            np.array_equal(getattr(self, name), getattr(other, name)) for name in self._types
        )

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]:
        return dict(cls._types)


def message(name: str) -> Any:
    """The class of a message such as `sensor_msgs/msg/Image`. Raises KeyError if undefined."""
    with _lock:
        cls = STORE.types[name]
        if not issubclass(cls, Message):
            cls = _make(name)
            STORE.types[name] = cls  # the class that deserialising then makes
            STORE.cache.pop(name, None)
        return cls


def service(name: str) -> Any:
    """The class of a service such as `std_srvs/srv/Trigger`: its Request and its Response."""
    request, response = message(f"{name}_Request"), message(f"{name}_Response")
    return type(
        name.rpartition("/")[2],
        (),
        {"__srvtype__": name, "Request": request, "Response": response},
    )


def type_hash(name: str) -> str:
    """`RIHS01_...`, by which ROS 2 (Iron and later) compares definitions."""
    return STORE.hash_rihs01(name)


def _make(name: str) -> type[Message]:
    constants, definition = STORE.fielddefs[name]
    fields = {normalize_fieldname(field): kind for field, kind in definition}
    defaults = {field: _default(kind) for field, kind in fields.items()}
    for field, value in DEFAULT_VALUES.get(name, {}).items():
        defaults[field] = lambda value=value: value  # type: ignore[misc]
    package, kind_of_file, short_name = name.split("/")
    return type(
        short_name,
        (Message,),
        {
            "__slots__": tuple(fields),
            "__module__": f"{package}.{kind_of_file}",
            "__msgtype__": name,
            "_defaults": defaults,
            "_converters": {field: _converter(kind) for field, kind in fields.items()},
            "_types": {f: _spelled(kind) for f, kind in fields.items() if f != PLACEHOLDER[0]},
            **{
                constant: to_byte(value) if type_name == "byte" else value
                for constant, type_name, value in constants
            },
        },
    )


def _is_number(kind: Any) -> bool:
    return kind[0] == Nodetype.BASE and kind[1][0] in DTYPES


def _default(kind: Any) -> Callable[[], Any]:
    """What makes the value of a field that is not given."""
    node, inner = kind
    if node == Nodetype.NAME:
        return message(inner)
    if node == Nodetype.BASE:
        return DEFAULTS.get(inner[0], int)
    element, length = inner
    if node == Nodetype.SEQUENCE:
        if _is_number(element):
            return lambda: empty_sequence(element[1][0])
        return list
    if _is_number(element):
        return lambda: np.zeros(length, DTYPES[element[1][0]])
    make = _default(element)
    return lambda: [make() for _ in range(length)]


def _converter(kind: Any) -> Callable[[Any], Any]:
    """What takes an assigned or received value for a field. Raises TypeError or ValueError."""
    node, inner = kind
    if node == Nodetype.NAME:
        return _instance_of(message(inner))
    if node == Nodetype.BASE:
        if inner[0] == "string":
            return _instance_of(str)
        return CONVERTERS.get(inner[0], operator.index)
    element, length = inner
    if _is_number(element):
        make = array_of if node == Nodetype.ARRAY else sequence_of
        return make(element[1][0], length)
    return _list_of(
        str if element[0] == Nodetype.BASE else message(element[1]),
        length,
        exactly=node == Nodetype.ARRAY,
    )


def _instance_of(cls: type) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        if not isinstance(value, cls):
            raise TypeError(f"a {cls.__name__}, not {type(value).__name__}")
        return value

    return convert


def _list_of(cls: type, length: int, exactly: bool) -> Callable[[Any], list]:
    def convert(value: Any) -> list:
        elements = value if isinstance(value, list) else list(value)
        for element in elements:
            if not isinstance(element, cls):
                raise TypeError(f"elements are {cls.__name__}, not {type(element).__name__}")
        if length and (len(elements) != length if exactly else len(elements) > length):
            raise ValueError(
                f"{'exactly' if exactly else 'at most'} {length} elements, not {len(elements)}"
            )
        return elements

    return convert


def _spelled(kind: Any) -> str:
    """A field's type as rosidl spells it in get_fields_and_field_types()."""
    node, inner = kind
    if node == Nodetype.NAME:
        return inner.replace("/msg/", "/")
    if node == Nodetype.BASE:
        name, bound = inner
        spelled = {"float32": "float", "float64": "double", "bool": "boolean"}.get(name, name)
        return f"{spelled}<{bound}>" if bound else spelled
    element, length = inner
    if node == Nodetype.ARRAY:
        return f"{_spelled(element)}[{length}]"
    return f"sequence<{_spelled(element)}{f', {length}' if length else ''}>"
