"""rclpy.service."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from cape_ros.wire.callback_groups import CallbackGroup
from cape_ros.wire.entity import Job
from cape_ros.wire.qos import QoSProfile
from cape_ros.wire.rpc import ServiceEntity

if TYPE_CHECKING:
    from cape_ros.wire.node import Node


class Service(ServiceEntity):
    """Made by `Node.create_service`; answers what its callback returns."""

    role = "serviceid"
    sends_request = False

    def __init__(
        self,
        node: Node,
        srv_type: Any,
        srv_name: str,
        callback: Callable[[Any, Any], Any],
        qos_profile: QoSProfile,
        callback_group: CallbackGroup | None,
    ) -> None:
        super().__init__(node, srv_type, srv_name, qos_profile, callback_group)
        self.callback = callback

    def take(self) -> Job | None:
        received = self.receive()
        return None if received is None else partial(self._answer, *received)

    def _answer(self, guid: int, sequence: int, request: Any) -> None:
        response = self.callback(request, self.srv_type.Response())
        if not isinstance(response, self.srv_type.Response):
            raise TypeError(
                f"{self.srv_name}: the callback returned {type(response).__name__}, "
                "not the response"
            )
        self.send(guid, sequence, response)
