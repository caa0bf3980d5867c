"""rclpy.subscription."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from cape_ros.wire.callback_groups import CallbackGroup
from cape_ros.wire.cdr import from_cdr
from cape_ros.wire.dds import Reader
from cape_ros.wire.entity import Entity, Job
from cape_ros.wire.event_handler import EventHandler, SubscriptionEventCallbacks
from cape_ros.wire.qos import QoSProfile

if TYPE_CHECKING:
    from cape_ros.wire.node import Node


class Subscription(Entity):
    """Made by `Node.create_subscription`."""

    reader: Reader

    def __init__(
        self,
        node: Node,
        msg_type: Any,
        topic: str,
        callback: Callable[[Any], object],
        qos_profile: QoSProfile,
        callback_group: CallbackGroup | None,
        event_callbacks: SubscriptionEventCallbacks,
        raw: bool,
    ) -> None:
        super().__init__(node, callback_group)
        event_callbacks.check()
        self.msg_type = msg_type
        self.topic = self.topic_name = topic
        self.callback = callback
        self.qos_profile = qos_profile
        self.raw = raw
        self.reader = node.participant.create_reader(
            f"rt{topic}", msg_type.__msgtype__, qos_profile
        )
        self.condition = self.reader.condition
        complaint = (
            f"a publisher on {topic} offers another {{policy}} than this subscription asks for: "
            "nothing is received from it"
        )
        self.event_handlers = [
            EventHandler(node, callback_group, self.reader, event_callbacks, complaint)
        ]

    def get_publisher_count(self) -> int:
        return self.reader.matched()

    def take(self) -> Job | None:
        while (received := self.reader.take()) is not None:
            if self.raw:
                return partial(self.callback, bytes(received.octets))
            try:
                message = from_cdr(received.octets, self.msg_type)
            except ValueError as error:
                self.node.get_logger().warning(
                    f"a message on {self.topic} was dropped: {error}", throttle_duration_sec=5.0
                )
            else:
                return partial(self.callback, message)
        return None
