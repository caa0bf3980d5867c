"""rclpy.service."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from cape_ros.wire.callback_groups import CallbackGroup
from cape_ros.wire.dds_library import DdsError
from cape_ros.wire.entity import Job
from cape_ros.wire.qos import QoSProfile
from cape_ros.wire.rpc import Call, ServiceEntity

if TYPE_CHECKING:
    from cape_ros.wire.node import Node

CLIENT_ID = re.compile(rb"clientid=[^;]*;")
LATE_READER = 1.0  # [s] most that an answer waits for its reader


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
        call = self.receive()
        return None if call is None else partial(self._answer, call)

    def _answer(self, call: Call) -> None:
        response = self.callback(call.message, self.srv_type.Response())
        if not isinstance(response, self.srv_type.Response):
            raise TypeError(
                f"{self.srv_name}: the callback returned {type(response).__name__}, "
                "not the response"
            )
        self._await_reader(call.publication)
        try:
            self.send(call.guid, call.sequence, response)
        except DdsError:
            if not self.is_closed:  # the service ended while its callback ran: nobody waits
                raise

    def _await_reader(self, publication: int) -> None:
        """Until the reader of the client is known: its announcement may be later than a request.

        Gives up when the client has ended, or after a time.
        """
        end = time.monotonic() + LATE_READER
        while (client := self.reader.user_data_of(publication)) is not None:
            identity = CLIENT_ID.search(client)
            readers = self.writer.matched_user_data()
            if identity is None or any(identity[0] in reader for reader in readers):
                return
            if time.monotonic() >= end:
                return
            time.sleep(0.01)
