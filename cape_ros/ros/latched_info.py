"""CameraInfo that was published once, before this node listened: latched, or transient local."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.subscription import Subscription
from sensor_msgs.msg import CameraInfo

INTERVAL = 1.0  # [s] between two looks at who publishes
QOS = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class LatchedInfo:
    """Asks for the last message of a topic once somebody offers it. To ask at once would make the
    driver of every other camera warn of a subscriber that does not fit.

    keep: called with the subscription, which is the caller's to end.
    """

    def __init__(
        self,
        node: Node,
        topic: str,
        callback: Callable[[Any], None],
        keep: Callable[[Subscription], None],
    ) -> None:
        self._node, self._topic, self._callback, self._keep = node, topic, callback, keep
        self._next = 0.0  # by time.monotonic; infinite once it is asked for

    def look(self) -> None:
        """To be called as long as no message has come, as often as one likes."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + INTERVAL
        name = self._node.resolve_topic_name(self._topic)
        offers = self._node.get_publishers_info_by_topic(name)
        if any(each.qos_profile.durability == QOS.durability for each in offers):
            self._next = float("inf")
            group = MutuallyExclusiveCallbackGroup()
            self._keep(
                self._node.create_subscription(
                    CameraInfo, self._topic, self._callback, QOS, callback_group=group
                )
            )
