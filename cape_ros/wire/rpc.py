"""What services and clients share: two topics, and a header that brings their samples together.

This is the way of rmw_cyclonedds; peers with another RMW implementation do not understand it.
"""

from __future__ import annotations

import secrets
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cape_ros.wire.callback_groups import CallbackGroup
from cape_ros.wire.cdr import from_cdr, is_little_endian, to_cdr
from cape_ros.wire.dds import Reader, Writer
from cape_ros.wire.entity import Entity
from cape_ros.wire.qos import QoSProfile

if TYPE_CHECKING:
    from cape_ros.wire.node import Node

HEADER = struct.Struct("<Qq")  # client's guid, sequence number
BIG_ENDIAN_HEADER = struct.Struct(">Qq")


@dataclass(frozen=True)
class Call:
    """A request or a response. publication: the handle of the writer that sent it."""

    guid: int
    sequence: int
    message: Any
    publication: int


class ServiceEntity(Entity):
    """One end of a service: sends one of its two messages and receives the other."""

    reader: Reader
    writer: Writer
    role: str  # by which the two topics of one end are known to belong together
    sends_request: bool

    def __init__(
        self,
        node: Node,
        srv_type: Any,
        srv_name: str,
        qos_profile: QoSProfile,
        callback_group: CallbackGroup | None,
    ) -> None:
        super().__init__(node, callback_group)
        self.srv_type = srv_type
        self.srv_name = self.service_name = srv_name
        self.qos_profile = qos_profile
        request = f"rq{srv_name}Request", srv_type.Request
        response = f"rr{srv_name}Reply", srv_type.Response
        sent, self._received = (request, response) if self.sends_request else (response, request)
        identity = ".".join(f"{octet:x}" for octet in secrets.token_bytes(16))
        user_data = f"{self.role}={identity};".encode()
        participant = node.participant
        self.reader = participant.create_reader(
            self._received[0], self._received[1].__msgtype__, qos_profile, user_data
        )
        self.condition = self.reader.condition
        self.writer = participant.create_writer(
            sent[0], sent[1].__msgtype__, qos_profile, user_data
        )

    def send(self, guid: int, sequence: int, message: Any) -> None:
        """Raises ValueError for a number that does not fit its field."""
        if not self.writer.write(to_cdr(message, HEADER.pack(guid, sequence))):
            self.node.get_logger().warning(f"{self.srv_name}: a peer does not read; dropped")

    def receive(self) -> Call | None:
        """The oldest sample, None if there is none."""
        while (received := self.reader.take()) is not None:
            octets = received.octets
            try:
                message = from_cdr(octets, self._received[1], HEADER.size)
            except ValueError as error:
                self.node.get_logger().warning(
                    f"{self.srv_name}: dropped what is not of rmw_cyclonedds or of another type: "
                    f"{error}",
                    throttle_duration_sec=5.0,
                )
                continue
            header = HEADER if is_little_endian(octets) else BIG_ENDIAN_HEADER
            guid, sequence = header.unpack_from(octets, 4)
            return Call(guid, sequence, message, received.publication)
        return None
