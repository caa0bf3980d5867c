"""What other nodes see of this process: `ros2 node list`, `ros2 node info` and the like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cape_ros.wire.cdr import to_cdr
from cape_ros.wire.definitions import STORE
from cape_ros.wire.interfaces import message
from cape_ros.wire.participant import Participant
from cape_ros.wire.qos import DurabilityPolicy, QoSProfile

if TYPE_CHECKING:
    from cape_ros.wire.node import Node

GID = "rmw_dds_common/msg/Gid"
NODE_INFO = "rmw_dds_common/msg/NodeEntitiesInfo"
PARTICIPANT_INFO = "rmw_dds_common/msg/ParticipantEntitiesInfo"
GID_LENGTH: int = STORE.fielddefs[GID][1][0][1][1][1]  # type: ignore[index,misc,assignment]


class Graph:
    """Says which nodes are here and which readers and writers are theirs."""

    def __init__(self, participant: Participant) -> None:
        self._guid = participant.guid
        self._writer = participant.create_writer(
            "ros_discovery_info",
            PARTICIPANT_INFO,
            QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL),
        )

    def announce(self, nodes: Sequence[Node]) -> None:
        """Say it anew, all of it. Does nothing once the participant is closed."""
        infos = []
        for node in nodes:
            readers, writers = [], []
            for entity in node.entities():
                readers += [_gid(entity.reader.guid)] if entity.reader else []
                writers += [_gid(entity.writer.guid)] if entity.writer else []
            infos.append(
                message(NODE_INFO)(
                    node_namespace=node.get_namespace(),
                    node_name=node.get_name(),
                    reader_gid_seq=readers,
                    writer_gid_seq=writers,
                )
            )
        said = message(PARTICIPANT_INFO)(gid=_gid(self._guid), node_entities_info_seq=infos)
        self._writer.write(to_cdr(said))


def _gid(guid: bytes) -> Any:
    return message(GID)(data=guid.ljust(GID_LENGTH, b"\0"))  # 24 octets before Iron
