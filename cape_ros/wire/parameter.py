"""rclpy.parameter: a named value of one of the types that ROS 2 knows."""

from __future__ import annotations

import array
from enum import Enum
from typing import Any

from cape_ros.wire.interfaces import message

SEQUENCES = (list, tuple, array.array)


class Parameter:
    """type_: found from the value if not given. Raises TypeError if the value is of no type,
    ValueError if it is not of `type_`."""

    class Type(Enum):
        NOT_SET = 0
        BOOL = 1
        INTEGER = 2
        DOUBLE = 3
        STRING = 4
        BYTE_ARRAY = 5
        BOOL_ARRAY = 6
        INTEGER_ARRAY = 7
        DOUBLE_ARRAY = 8
        STRING_ARRAY = 9

        @classmethod
        def from_parameter_value(cls, value: Any) -> Parameter.Type:
            if value is None:
                return cls.NOT_SET
            for python_type, kind in _SCALARS:
                if _is_a(python_type, value):
                    return kind
            if isinstance(value, SEQUENCES):
                if all(isinstance(element, bytes) for element in value):
                    return cls.BYTE_ARRAY
                for python_type, kind in _SCALARS:
                    if all(_is_a(python_type, element) for element in value):
                        return _ARRAYS[kind]
            raise TypeError(f"{value!r} is not of a type that parameters have")

        def check(self, value: Any) -> bool:
            """Whether `value` is of this type; an empty list is of every array type."""
            if self.name.endswith("_ARRAY") and isinstance(value, SEQUENCES) and not len(value):
                return True
            return Parameter.Type.from_parameter_value(value) == self

    def __init__(self, name: str, type_: Parameter.Type | None = None, value: Any = None) -> None:
        self.name = name
        self.value = value
        self.type_ = Parameter.Type.from_parameter_value(value) if type_ is None else type_
        if type_ is not None and not type_.check(value):
            raise ValueError(f"parameter {name}: {value!r} is not of type {type_.name}")

    def __repr__(self) -> str:
        return f"Parameter({self.name!r}, {self.type_.name}, {self.value!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Parameter) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def get_parameter_value(self) -> Any:
        """As rcl_interfaces/msg/ParameterValue."""
        result = message("rcl_interfaces/msg/ParameterValue")(type=self.type_.value)
        if self.type_ == Parameter.Type.BYTE_ARRAY:
            result.byte_array_value = b"".join(self.value)
        elif self.type_ != Parameter.Type.NOT_SET:
            setattr(result, _FIELDS[self.type_], self.value)
        return result

    def to_parameter_msg(self) -> Any:
        return message("rcl_interfaces/msg/Parameter")(
            name=self.name, value=self.get_parameter_value()
        )

    @classmethod
    def from_parameter_msg(cls, msg: Any) -> Parameter:
        return cls(msg.name, cls.Type(msg.value.type), parameter_value_to_python(msg.value))


_SCALARS = (
    (bool, Parameter.Type.BOOL),
    (int, Parameter.Type.INTEGER),
    (float, Parameter.Type.DOUBLE),
    (str, Parameter.Type.STRING),
)
_ARRAYS = {
    Parameter.Type.BOOL: Parameter.Type.BOOL_ARRAY,
    Parameter.Type.INTEGER: Parameter.Type.INTEGER_ARRAY,
    Parameter.Type.DOUBLE: Parameter.Type.DOUBLE_ARRAY,
    Parameter.Type.STRING: Parameter.Type.STRING_ARRAY,
}
_FIELDS = {
    kind: f"{kind.name.lower()}_value" for kind in Parameter.Type if kind != Parameter.Type.NOT_SET
}


def _is_a(python_type: type, value: Any) -> bool:
    # To Python a bool is an int; to ROS 2 it is not.
    return isinstance(value, python_type) and (python_type is bool or not isinstance(value, bool))


def parameter_value_to_python(value: Any) -> Any:
    """What a ParameterValue message holds; arrays as lists. Raises ValueError for a wrong type."""
    kind = Parameter.Type(value.type)
    if kind == Parameter.Type.NOT_SET:
        return None
    held = getattr(value, _FIELDS[kind])
    if kind == Parameter.Type.BYTE_ARRAY:
        return [bytes([octet]) for octet in held.tobytes()]
    return held.tolist() if hasattr(held, "tolist") else held
