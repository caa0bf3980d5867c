"""The six services by which `ros2 param` reads and changes the parameters of a node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cape_ros.wire.exceptions import ParameterNotDeclaredException
from cape_ros.wire.interfaces import service
from cape_ros.wire.parameter import Parameter
from cape_ros.wire.parameters import Descriptor, Result
from cape_ros.wire.qos import qos_profile_parameters

if TYPE_CHECKING:
    from cape_ros.wire.node import Node


class ParameterService:
    """Serves the parameters of a node for as long as the node lives."""

    def __init__(self, node: Node) -> None:
        self._node = node
        for type_name, name, answer in (
            ("DescribeParameters", "describe_parameters", self._describe),
            ("GetParameterTypes", "get_parameter_types", self._get_types),
            ("GetParameters", "get_parameters", self._get),
            ("ListParameters", "list_parameters", self._list),
            ("SetParameters", "set_parameters", self._set),
            ("SetParametersAtomically", "set_parameters_atomically", self._set_atomically),
        ):
            node.create_service(
                service(f"rcl_interfaces/srv/{type_name}"),
                f"~/{name}",
                answer,
                qos_profile=qos_profile_parameters,
            )

    def _find(self, name: str) -> Parameter:
        return self._node.get_parameter_or(name)

    def _describe(self, request: Any, response: Any) -> Any:
        response.descriptors = [
            self._node.describe_parameter(name)
            if self._node.has_parameter(name)
            else Descriptor(name=name)
            for name in request.names
        ]
        return response

    def _get_types(self, request: Any, response: Any) -> Any:
        response.types = [self._find(name).type_.value for name in request.names]
        return response

    def _get(self, request: Any, response: Any) -> Any:
        response.values = [self._find(name).get_parameter_value() for name in request.names]
        return response

    def _list(self, request: Any, response: Any) -> Any:
        """depth: how many parts of a name may follow its prefix, 0 is any number."""
        names = []
        for name in sorted(self._node.get_parameters_by_prefix("")):
            for prefix in request.prefixes or [""]:
                below = name if not prefix else name.removeprefix(f"{prefix}.")
                belongs = not prefix or name == prefix or below != name
                if belongs and (not request.depth or below.count(".") < request.depth):
                    names.append(name)
                    break
        response.result.names = names
        response.result.prefixes = sorted({n.rpartition(".")[0] for n in names if "." in n})
        return response

    def _set(self, request: Any, response: Any) -> Any:
        response.results = [self._change([parameter]) for parameter in request.parameters]
        return response

    def _set_atomically(self, request: Any, response: Any) -> Any:
        response.result = self._change(request.parameters)
        return response

    def _change(self, parameters: list[Any]) -> Any:
        try:
            return self._node.set_parameters_atomically(
                [Parameter.from_parameter_msg(parameter) for parameter in parameters]
            )
        except (ParameterNotDeclaredException, ValueError) as error:
            return Result(successful=False, reason=str(error))
