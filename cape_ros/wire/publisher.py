"""rclpy.publisher."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cape_ros.wire.callback_groups import CallbackGroup
from cape_ros.wire.cdr import to_cdr
from cape_ros.wire.dds import Writer
from cape_ros.wire.duration import NANOSECONDS, Duration
from cape_ros.wire.entity import Entity
from cape_ros.wire.event_handler import EventHandler, PublisherEventCallbacks
from cape_ros.wire.qos import QoSProfile

if TYPE_CHECKING:
    from cape_ros.wire.node import Node


class Publisher(Entity):
    """Made by `Node.create_publisher`. Publishing from several threads is safe."""

    writer: Writer

    def __init__(
        self,
        node: Node,
        msg_type: Any,
        topic: str,
        qos_profile: QoSProfile,
        callback_group: CallbackGroup | None,
        event_callbacks: PublisherEventCallbacks,
    ) -> None:
        super().__init__(node, callback_group)
        event_callbacks.check()
        self.msg_type = msg_type
        self.topic = self.topic_name = topic
        self.qos_profile = qos_profile
        self.writer = node.participant.create_writer(
            f"rt{topic}", msg_type.__msgtype__, qos_profile
        )
        complaint = (
            f"a subscription to {topic} asks for another {{policy}} than this publisher offers: "
            "it receives nothing"
        )
        self.event_handlers = [
            EventHandler(node, callback_group, self.writer, event_callbacks, complaint)
        ]

    def publish(self, msg: Any) -> None:
        """msg: a message, or one serialised. Other threads run while it is sent.

        A reliable subscriber that does not keep up misses what exceeds `depth`; with KEEP_ALL it
        holds this back for 0.1 s at most, then the message is dropped and a warning logged.
        Raises TypeError for a message of another class, ValueError for a number that does not
        fit its field, RuntimeError for bytes that are no such message, and after destruction.
        """
        if isinstance(msg, self.msg_type):
            octets = to_cdr(msg)
        elif isinstance(msg, (bytes, bytearray, memoryview)):
            octets = np.frombuffer(bytes(msg) + bytes(-len(msg) % 4), np.uint8)
        else:
            raise TypeError(f"Expected {self.msg_type}, got {type(msg)}")
        if not self.writer.write(octets) and self.topic != "/rosout":
            self.node.get_logger().warning(
                f"a message on {self.topic} was dropped: a reliable subscriber does not keep up",
                throttle_duration_sec=5.0,
            )

    def get_subscription_count(self) -> int:
        return self.writer.matched()

    def wait_for_all_acked(self, timeout: Duration | None = None) -> bool:
        """timeout: negative or None waits for ever."""
        limit = float("inf") if timeout is None else timeout.nanoseconds / NANOSECONDS
        return self.writer.wait_for_acknowledgements(limit if 0 <= limit < 1e9 else 1e9)
