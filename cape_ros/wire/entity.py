"""What a node consists of, as the executor sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from cape_ros.wire.callback_groups import CallbackGroup
from cape_ros.wire.dds import Reader, Writer

if TYPE_CHECKING:
    from cape_ros.wire.node import Node

Job = Callable[[], object]


class Entity:
    """A publisher, subscription, service, client, timer or event handler of a node."""

    reader: Reader | None = None
    writer: Writer | None = None
    condition: int | None = None  # the handle of what ends the wait of an executor
    event_handlers: Sequence[Entity] = ()  # come and go with it
    is_closed = False

    def __init__(self, node: Node, callback_group: CallbackGroup | None = None) -> None:
        self.node = node
        self.callback_group = callback_group or node.default_callback_group

    def take(self) -> Job | None:
        """The next call to make, None if there is nothing to do."""
        return None

    def destroy(self) -> None:
        """A second time is harmless."""
        self.node.destroy_entity(self)

    def close(self) -> None:
        """End the DDS entities; for the node to call."""
        self.is_closed = True
        for endpoint in (self.reader, self.writer):
            if endpoint is not None:
                self.node.participant.close_endpoint(endpoint)
