"""The node's parameters, declared once; `config/cape.yaml` and the checks follow this table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import ParameterException
from rclpy.node import Node

from cape_ros.errors import Fault, InvalidInput


@dataclass(frozen=True)
class Parameter:
    """One parameter. `live`: may change while the node runs. `choices`: all that a text may be."""

    name: str
    default: str | int | float
    description: str
    live: bool = False
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()

    def fault(self, value: Any) -> str | None:
        """Why `value`, of the right type, cannot be used; None if it can."""
        if value == "":
            return "is empty"
        if self.choices and value not in self.choices:
            return f"{value!r} is not one of {', '.join(self.choices)}"
        if self.least is not None and not value >= self.least:  # nor is NaN
            return f"{value} is not {self.least} or more"
        if self.most is not None and not value <= self.most:
            return f"{value} is more than {self.most}"
        return None

    def descriptor(self) -> ParameterDescriptor:
        descriptor = ParameterDescriptor(description=self.description, read_only=not self.live)
        if self.choices:
            descriptor.additional_constraints = "one of " + ", ".join(self.choices)
        if self.least is not None and self.most is not None:
            if isinstance(self.default, float):
                descriptor.floating_point_range = [
                    FloatingPointRange(from_value=self.least, to_value=self.most, step=0.0)
                ]
            else:
                descriptor.integer_range = [
                    IntegerRange(from_value=int(self.least), to_value=int(self.most), step=1)
                ]
        return descriptor


PARAMETERS = (
    Parameter("weights", "shipped", "A file, or a name that `cape weights list` shows."),
    Parameter("device", "auto", "auto (CUDA if there is a GPU), cpu, cuda, cuda:1, ..."),
    Parameter(
        "precision",
        "float32",
        "Number format of the network; float16 needs a GPU.",
        choices=("float32", "float16", "bfloat16"),
    ),
    Parameter(
        "library",
        "~/.local/share/cape_ros/library",
        "Folder that keeps the registered categories over restarts.",
    ),
    Parameter(
        "image_reliability",
        "best_effort",
        "Reliability of the image subscription; best_effort hears every camera.",
        choices=("best_effort", "reliable"),
    ),
    Parameter(
        "image_depth",
        1,
        "Images that may wait in the subscription; more than 1 only adds delay.",
        least=1,
        most=100,
    ),
    Parameter(
        "trusted_point",
        0.3,
        "Score from which a keypoint is VISIBLE and helps to follow its object.",
        live=True,
        least=0.0,
        most=1.0,
    ),
    Parameter(
        "found_object",
        0.35,
        "Mean score of the keypoints from which a searched object counts as found.",
        live=True,
        least=0.0,
        most=1.0,
    ),
    Parameter(
        "kept_object",
        0.25,
        "Mean score of the keypoints below which a followed object counts as lost.",
        live=True,
        least=0.0,
        most=1.0,
    ),
)


def declare(node: Node) -> dict[str, Any]:
    """Declare every parameter; returns their values. Raises `InvalidInput` for a wrong one."""
    values = {}
    for parameter in PARAMETERS:
        try:
            node.declare_parameter(parameter.name, parameter.default, parameter.descriptor())
        except ParameterException as error:  # the type or the range
            raise InvalidInput.of(parameter.name, str(error)) from error
        values[parameter.name] = node.get_parameter(parameter.name).value
    check(values)
    return values


def check(values: Mapping[str, Any]) -> None:
    """Raises `InvalidInput` that names every parameter whose value cannot be used."""
    faults = [
        Fault(parameter.name, reason)
        for parameter in PARAMETERS
        if (reason := parameter.fault(values[parameter.name]))
    ]
    kept, found = values["kept_object"], values["found_object"]
    if not faults and kept > found:
        reason = f"{kept} is more than found_object, {found}: what is found would be lost at once"
        faults.append(Fault("kept_object", reason))
    if faults:
        raise InvalidInput(faults)
