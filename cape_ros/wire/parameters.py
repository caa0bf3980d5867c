"""The parameters of a node: declared once, checked at every change."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from cape_ros.wire.exceptions import (
    InvalidParameterTypeException,
    InvalidParameterValueException,
    ParameterAlreadyDeclaredException,
    ParameterImmutableException,
    ParameterNotDeclaredException,
    ParameterUninitializedException,
)
from cape_ros.wire.interfaces import message
from cape_ros.wire.parameter import Parameter

Descriptor: Any = message("rcl_interfaces/msg/ParameterDescriptor")
Result: Any = message("rcl_interfaces/msg/SetParametersResult")
Change = Callable[[list[Parameter]], list[Parameter]]
Check = Callable[[list[Parameter]], Any]
Note = Callable[[list[Parameter]], object]


class DeclaredParameters:
    """The part of rclpy.node.Node that is about parameters."""

    def __init__(self, overrides: dict[str, Any]) -> None:
        self._overrides = overrides
        self._parameters: dict[str, Parameter] = {}
        self._descriptors: dict[str, Any] = {}
        self._before: list[Change] = []
        self._checks: list[Check] = []
        self._after: list[Note] = []
        self._parameters_lock = threading.RLock()

    def declare_parameter(
        self,
        name: str,
        value: Any = None,
        descriptor: Any = None,
        ignore_override: bool = False,
    ) -> Parameter:
        """value: the default, or a Parameter.Type for a parameter without one. A value given at
        the start counts more, and must be of the same type: 1 is not a DOUBLE. Raises ValueError
        for a parameter that has neither a type nor dynamic typing."""
        with self._parameters_lock:
            if name in self._parameters:
                raise ParameterAlreadyDeclaredException(name)
            if descriptor is None:
                descriptor = Descriptor(dynamic_typing=value is None)
            if isinstance(value, Parameter.Type):
                kind, value = value, None
            else:
                kind = Parameter.Type.from_parameter_value(value)
            if kind == Parameter.Type.NOT_SET and not descriptor.dynamic_typing:
                raise ValueError(f"parameter {name} is declared without a type")
            if not ignore_override:
                value = self._overrides.get(name, value)
            if value is None or descriptor.dynamic_typing:
                parameter = Parameter(name, None, value)
            elif kind.check(value):
                parameter = Parameter(name, kind, value)
            else:
                given = Parameter.Type.from_parameter_value(value)
                raise InvalidParameterTypeException(name, given.name, kind.name)
            descriptor.name = name
            descriptor.type = kind.value if value is None else parameter.type_.value
            if reason := _out_of_range(parameter, descriptor):
                raise InvalidParameterValueException(name, value, reason)
            result = self._ask([parameter])
            if not result.successful:
                raise InvalidParameterValueException(name, value, result.reason)
            self._parameters[name] = parameter
            self._descriptors[name] = descriptor
            self.publish_parameter_event(new_parameters=[parameter])
            self._tell([parameter])
            return parameter

    def declare_parameters(
        self, namespace: str, parameters: Iterable[Sequence[Any]], ignore_override: bool = False
    ) -> list[Parameter]:
        """parameters: of (name), (name, value) or (name, value, descriptor)."""
        prefix = f"{namespace}." if namespace else ""
        declared = []
        for name, *rest in parameters:
            value, descriptor = [*rest, None, None][:2]
            declared.append(
                self.declare_parameter(prefix + name, value, descriptor, ignore_override)
            )
        return declared

    def undeclare_parameter(self, name: str) -> None:
        with self._parameters_lock:
            if self.describe_parameter(name).read_only:
                raise ParameterImmutableException(name)
            parameter = self._parameters.pop(name)
            del self._descriptors[name]
            self.publish_parameter_event(deleted_parameters=[parameter])

    def has_parameter(self, name: str) -> bool:
        return name in self._parameters

    def get_parameter(self, name: str) -> Parameter:
        parameter = self._parameters.get(name)
        if parameter is None:
            raise ParameterNotDeclaredException(name)
        descriptor = self._descriptors[name]
        if parameter.value is None and descriptor.type and not descriptor.dynamic_typing:
            raise ParameterUninitializedException(name)
        return parameter

    def get_parameters(self, names: Iterable[str]) -> list[Parameter]:
        return [self.get_parameter(name) for name in names]

    def get_parameter_or(self, name: str, alternative_value: Any = None) -> Parameter:
        """alternative_value: a Parameter, or the value of one."""
        parameter = self._parameters.get(name)
        if parameter is not None and parameter.value is not None:
            return parameter
        if isinstance(alternative_value, Parameter):
            return alternative_value
        return Parameter(name, value=alternative_value)

    def get_parameters_by_prefix(self, prefix: str) -> dict[str, Parameter]:
        start = f"{prefix}." if prefix else ""
        return {
            name.removeprefix(start): parameter
            for name, parameter in list(self._parameters.items())
            if name.startswith(start)
        }

    def describe_parameter(self, name: str) -> Any:
        if name not in self._descriptors:
            raise ParameterNotDeclaredException(name)
        return self._descriptors[name]

    def describe_parameters(self, names: Iterable[str]) -> list[Any]:
        return [self.describe_parameter(name) for name in names]

    def add_pre_set_parameters_callback(self, callback: Change) -> None:
        """callback: gives what to set in place of what shall be set; not asked at declarations."""
        self._before.insert(0, callback)

    def add_on_set_parameters_callback(self, callback: Check) -> None:
        """callback: is asked before every change, the newest callback first."""
        self._checks.insert(0, callback)

    def add_post_set_parameters_callback(self, callback: Note) -> None:
        """callback: is told after every change, the newest callback first."""
        self._after.insert(0, callback)

    def remove_pre_set_parameters_callback(self, callback: Change) -> None:
        self._before.remove(callback)

    def remove_on_set_parameters_callback(self, callback: Check) -> None:
        self._checks.remove(callback)

    def remove_post_set_parameters_callback(self, callback: Note) -> None:
        self._after.remove(callback)

    def set_parameters(self, parameter_list: Iterable[Parameter]) -> list[Any]:
        """Each by itself: a result for each."""
        return [self.set_parameters_atomically([parameter]) for parameter in parameter_list]

    def set_parameters_atomically(self, parameter_list: Sequence[Parameter]) -> Any:
        """All or none. Raises ParameterNotDeclaredException; other faults are in the result."""
        changed = list(parameter_list)
        with self._parameters_lock:
            if self._before:
                changed = [new for change in list(self._before) for new in change(changed)]
                if not changed:
                    return Result(
                        successful=False, reason="a pre_set_parameters_callback left nothing to set"
                    )
            for parameter in changed:
                if reason := self._refusal(parameter):
                    return Result(successful=False, reason=reason)
            result = self._ask(changed)
            if result.successful:
                for parameter in changed:
                    self._parameters[parameter.name] = parameter
                    self._descriptors[parameter.name].type = parameter.type_.value
                self.publish_parameter_event(changed_parameters=changed)
                self._tell(changed)
            return result

    def publish_parameter_event(self, **parameters: list[Parameter]) -> None:
        """parameters: new_parameters=, changed_parameters= or deleted_parameters=."""
        raise NotImplementedError

    def _refusal(self, parameter: Parameter) -> str | None:
        """Why its descriptor does not allow a change, None if it does."""
        name = parameter.name
        descriptor = self.describe_parameter(name)
        if descriptor.read_only:
            return f"Trying to set a read-only parameter: {name}."
        expected = Parameter.Type(descriptor.type)
        if not descriptor.dynamic_typing and expected != Parameter.Type.NOT_SET:
            if not expected.check(parameter.value):
                return f"Wrong parameter type, expected {expected.name}: {name}"
            parameter.type_ = expected  # an empty list is of any array type
        return _out_of_range(parameter, descriptor)

    def _ask(self, changed: list[Parameter]) -> Any:
        for check in list(self._checks):
            result = check(changed)
            if not result.successful:
                return result
        return Result(successful=True)

    def _tell(self, changed: list[Parameter]) -> None:
        for note in list(self._after):
            note(changed)


def _out_of_range(parameter: Parameter, descriptor: Any) -> str | None:
    """Why the range of the descriptor leaves the value out, None if it does not."""
    if parameter.type_ == Parameter.Type.INTEGER:
        ranges = descriptor.integer_range
    elif parameter.type_ == Parameter.Type.DOUBLE:
        ranges = descriptor.floating_point_range
    else:
        return None
    for allowed in ranges:
        low, high, step, value = (
            allowed.from_value,
            allowed.to_value,
            allowed.step,
            parameter.value,
        )
        if not low <= value <= high:
            return f"{parameter.name} is {value}, out of range: {low} to {high}"
        steps = (value - low) / step if step else 0.0
        if value != high and not math.isclose(steps, round(steps), abs_tol=1e-9):
            return f"{parameter.name} is {value}, not {low} and a multiple of {step}"
    return None
