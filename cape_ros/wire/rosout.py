"""The topic /rosout: what the loggers of a node say, for others to read."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from cape_ros.wire.interfaces import message
from cape_ros.wire.logging import Record, add_sink
from cape_ros.wire.qos import qos_profile_rosout_default

if TYPE_CHECKING:
    from cape_ros.wire.node import Node


class Rosout:
    """Publishes from the node's beginning to its end."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._publisher = node.create_publisher(
            message("rcl_interfaces/msg/Log"), "/rosout", qos_profile_rosout_default
        )
        add_sink(node.get_logger().name, self._publish)

    def _publish(self, record: Record) -> None:
        if not self._node.context.ok():
            return
        sec, nanosec = divmod(record.nanoseconds, 10**9)
        with contextlib.suppress(RuntimeError):  # the node is on its way out
            self._publisher.publish(
                self._publisher.msg_type(
                    stamp=message("builtin_interfaces/msg/Time")(sec=sec, nanosec=nanosec),
                    level=record.severity,
                    name=record.logger,
                    msg=record.text,
                    file=record.file,
                    function=record.function,
                    line=record.line,
                )
            )
