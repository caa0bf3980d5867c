"""Declares and checks the node's parameters, as the parameter table has them.

A parameter marked `camera` counts for every camera; each named camera has one of its own besides,
as `left.region`, whose default is the common value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import ParameterException
from rclpy.node import Node

from cape_ros.core.errors import Fault, InvalidInput
from cape_ros.ros import compat
from cape_ros.ros.parameter_table import OFF, PARAMETERS, START, UNCONFIGURED, ParameterSpec

Values = Mapping[str, Any]
VISION_MSGS = "sudo apt install ros-$ROS_DISTRO-vision-msgs, then start the node again"


def declare(node: Node) -> dict[str, Any]:
    """Declare every parameter; returns their values. Raises `InvalidInput` for a wrong one."""
    values: dict[str, Any] = {}
    for parameter in PARAMETERS:
        values[parameter.name] = _declare(node, parameter)
    if reason := kind_of("cameras").fault(camera_names(values)):
        raise InvalidInput.of("cameras", reason)
    for parameter in _of_cameras(values):
        values[parameter.name] = _declare(node, parameter)
    check(values)
    for name in compat.given_parameters(node):
        if not node.has_parameter(name):
            near = ", ".join(get_close_matches(name, values, n=2))
            hint = f"; is it {near}?" if near else ""
            node.get_logger().warning(f"parameter {name} is not one of this node{hint}")
    return values


def check(values: Values) -> None:
    """Raises `InvalidInput` that names every parameter whose value cannot be used."""
    table = {parameter.name: parameter for parameter in (*PARAMETERS, *_of_cameras(values))}
    faults = [
        Fault(name, reason)
        for name, parameter in table.items()
        if name in values and (reason := parameter.fault(values[name]))
    ]
    kept, presence = values["kept_object"], values["found_object"]
    if not faults and kept > presence:
        reason = (
            f"{kept} is more than found_object, {presence}: what is found would be lost at once"
        )
        faults.append(Fault("kept_object", reason))
    for camera in camera_names(values) if not faults else ():
        if of(values, camera, "boxes") == "region" and not any(of(values, camera, "region")):
            name = f"{camera}.region" if camera else "region"
            faults.append(Fault(name, "is needed where boxes is region: [x, y, width, height]"))
    if compat.vision_msgs is None:
        faults += [
            Fault(name, f"detections need the package vision_msgs, which is missing: {VISION_MSGS}")
            for name in table
            if name.rpartition(".")[2] == "boxes" and values.get(name) == "detections"
        ]
    if faults:
        raise InvalidInput(faults)


def check_change(before: Values, after: Values, unconfigured: bool) -> None:
    """`check`, and that nothing changes that cannot now. Raises `InvalidInput`."""
    if not unconfigured:
        faults = [
            Fault(name, "changes only while the node is unconfigured: deactivate and cleanup first")
            for name in after
            if after[name] != before[name] and kind_of(name).when == UNCONFIGURED
        ]
        if faults:
            raise InvalidInput(faults)
    check(after)


def kind_of(name: str) -> ParameterSpec:
    """The table's entry for a name such as `region`, `left.region` or `studio.port`."""
    names = (name, name.rpartition(".")[2])
    return next(parameter for parameter in PARAMETERS if parameter.name in names)


def of(values: Values, camera: str, name: str) -> Any:
    """The value that counts for a camera; the camera without a name has the common one."""
    return values.get(f"{camera}.{name}", values[name])


def camera_names(values: Values) -> Sequence[str]:
    """[""] is one camera without a name."""
    names: Sequence[str] = values["cameras"]
    return names


def _of_cameras(values: Values) -> Iterator[ParameterSpec]:
    for camera in filter(None, camera_names(values)):
        for parameter in PARAMETERS:
            if parameter.camera:
                name, default = f"{camera}.{parameter.name}", values[parameter.name]
                yield replace(parameter, name=name, default=default)


def _declare(node: Node, parameter: ParameterSpec) -> Any:
    try:
        node.declare_parameter(parameter.name, parameter.default, descriptor(parameter))
        value = node.get_parameter(parameter.name).value
    except ParameterException as error:  # the type or the range, or an empty list
        hint = f"give a {parameter.type}, such as {parameter.name}:={parameter.example}"
        raise InvalidInput.of(parameter.name, f"{error}; {hint}") from error
    return parameter.read(value)


def descriptor(parameter: ParameterSpec) -> ParameterDescriptor:
    message = ParameterDescriptor(
        name=parameter.name,
        description=parameter.description,
        read_only=parameter.when == START,
        dynamic_typing=OFF in parameter.choices,
        additional_constraints=parameter.range if not parameter.bounded else "",
    )
    if parameter.bounded and isinstance(parameter.default, float):
        message.floating_point_range = [
            FloatingPointRange(from_value=parameter.least, to_value=parameter.most, step=0.0)
        ]
    elif parameter.bounded:
        message.integer_range = [
            IntegerRange(from_value=int(parameter.least), to_value=int(parameter.most), step=1)
        ]
    return message
