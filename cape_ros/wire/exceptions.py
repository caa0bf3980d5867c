"""The exceptions of rclpy.exceptions that this part of rclpy raises."""

from __future__ import annotations

from typing import Any


class NotInitializedException(Exception):
    def __init__(self) -> None:
        super().__init__("rclpy.init() has not been called, or rclpy.shutdown() has")


class RCLError(RuntimeError):
    """What cannot be done now; rclpy keeps this class in its C++ part."""


class UnsupportedEventTypeError(RCLError):
    """A callback was given for an event that never comes."""


class InvalidNameException(ValueError):
    """A node, topic or service name that ROS 2 does not allow."""


class ParameterException(Exception):
    """Base of what goes wrong with a parameter."""

    def __init__(self, message: str, name: str) -> None:
        self.parameter = name
        super().__init__(f"{message}: {name}")


class ParameterNotDeclaredException(ParameterException):
    def __init__(self, name: str) -> None:
        super().__init__("Tried to access undeclared parameter", name)


class ParameterAlreadyDeclaredException(ParameterException):
    def __init__(self, name: str) -> None:
        super().__init__("Parameter was already declared", name)


class ParameterUninitializedException(ParameterException):
    def __init__(self, name: str) -> None:
        super().__init__("The parameter has no value", name)


class ParameterImmutableException(ParameterException):
    def __init__(self, name: str) -> None:
        super().__init__("Attempted to modify read-only parameter", name)


class InvalidParameterTypeException(ParameterException):
    def __init__(self, name: str, given: str, expected: str) -> None:
        super().__init__(f"Wrong parameter type, expected {expected} got {given}", name)


class InvalidParameterValueException(ParameterException):
    def __init__(self, name: str, value: Any, reason: str) -> None:
        super().__init__(f"Invalid parameter value ({value!r}): {reason}", name)
