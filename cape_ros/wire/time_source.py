"""rclpy.time_source: lets the clock of a node follow /clock while `use_sim_time` is true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cape_ros.wire.callback_groups import MutuallyExclusiveCallbackGroup
from cape_ros.wire.clock import ROSClock
from cape_ros.wire.interfaces import message
from cape_ros.wire.parameter import Parameter
from cape_ros.wire.qos import QoSProfile, ReliabilityPolicy
from cape_ros.wire.subscription import Subscription
from cape_ros.wire.time import Time

if TYPE_CHECKING:
    from cape_ros.wire.node import Node

CLOCK_TOPIC = "/clock"
USE_SIM_TIME_NAME = "use_sim_time"


class TimeSource:
    """Declares the parameter, and listens for as long as it is true."""

    def __init__(self, node: Node, clock: ROSClock) -> None:
        self._node = node
        self._clock = clock
        # Of its own: time goes on while a callback of the node takes long.
        self._group = MutuallyExclusiveCallbackGroup()
        self._subscription: Subscription | None = None
        node.add_post_set_parameters_callback(self._follow)
        node.declare_parameter(USE_SIM_TIME_NAME, False)

    def _follow(self, changed: list[Parameter]) -> None:
        for parameter in changed:
            if parameter.name == USE_SIM_TIME_NAME:
                self._set_active(bool(parameter.value))

    def _set_active(self, is_active: bool) -> None:
        self._clock.set_ros_time_is_active(is_active)
        if is_active and self._subscription is None:
            self._subscription = self._node.create_subscription(
                message("rosgraph_msgs/msg/Clock"),
                CLOCK_TOPIC,
                self._hear,
                QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT),
                callback_group=self._group,
            )
        elif not is_active and self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None
        self._node.wake()  # timers count in another time now

    def _hear(self, msg: Any) -> None:
        self._clock.set_ros_time_override(Time.from_msg(msg.clock))
