"""rclpy.event_handler: callbacks for peers that come and go, and for those whose QoS does not fit.

Peers are the publishers on the topic of a subscription, and the other way round.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from cape_ros.wire.callback_groups import CallbackGroup
from cape_ros.wire.dds import Endpoint
from cape_ros.wire.dds_qos import POLICY_KINDS
from cape_ros.wire.entity import Entity, Job
from cape_ros.wire.exceptions import UnsupportedEventTypeError
from cape_ros.wire.qos import QoSPolicyKind

if TYPE_CHECKING:
    from cape_ros.wire.node import Node

__all__ = [
    "EventHandler",
    "PublisherEventCallbacks",
    "QoSOfferedIncompatibleQoSInfo",
    "QoSPublisherMatchedInfo",
    "QoSRequestedIncompatibleQoSInfo",
    "QoSSubscriptionMatchedInfo",
    "SubscriptionEventCallbacks",
    "UnsupportedEventTypeError",
]


@dataclass(frozen=True)
class QoSRequestedIncompatibleQoSInfo:
    """How many peers were kept out, in all and since the last time, and by which policy."""

    total_count: int
    total_count_change: int
    last_policy_kind: QoSPolicyKind


@dataclass(frozen=True)
class QoSSubscriptionMatchedInfo:
    """How many peers were there ever, how many are there now, and what changed."""

    total_count: int
    total_count_change: int
    current_count: int
    current_count_change: int


QoSOfferedIncompatibleQoSInfo = QoSRequestedIncompatibleQoSInfo
QoSPublisherMatchedInfo = QoSSubscriptionMatchedInfo

Callback = Callable[[Any], object]


class _EventCallbacks:
    def __init__(
        self,
        *,
        incompatible_qos: Callback | None = None,
        matched: Callback | None = None,
        use_default_callbacks: bool = True,
        **others: Callback | None,
    ) -> None:
        self.incompatible_qos = incompatible_qos
        self.matched = matched
        self.use_default_callbacks = use_default_callbacks
        self.others = others

    def check(self) -> None:
        """Raises UnsupportedEventTypeError for a callback that would never be called."""
        for event, callback in self.others.items():
            if callback is not None:
                raise UnsupportedEventTypeError(f"there are no events {event!r} without ROS 2")


class SubscriptionEventCallbacks(_EventCallbacks):
    """For `create_subscription`. Without a callback of its own, bad QoS is a line in the log."""

    def __init__(
        self,
        *,
        deadline: Callback | None = None,
        incompatible_qos: Callback | None = None,
        liveliness: Callback | None = None,
        message_lost: Callback | None = None,
        incompatible_type: Callback | None = None,
        matched: Callback | None = None,
        use_default_callbacks: bool = True,
    ) -> None:
        super().__init__(
            incompatible_qos=incompatible_qos,
            matched=matched,
            use_default_callbacks=use_default_callbacks,
            deadline=deadline,
            liveliness=liveliness,
            message_lost=message_lost,
            incompatible_type=incompatible_type,
        )


class PublisherEventCallbacks(_EventCallbacks):
    """For `create_publisher`. Without a callback of its own, bad QoS is a line in the log."""

    def __init__(
        self,
        *,
        deadline: Callback | None = None,
        liveliness: Callback | None = None,
        incompatible_qos: Callback | None = None,
        incompatible_type: Callback | None = None,
        matched: Callback | None = None,
        use_default_callbacks: bool = True,
    ) -> None:
        super().__init__(
            incompatible_qos=incompatible_qos,
            matched=matched,
            use_default_callbacks=use_default_callbacks,
            deadline=deadline,
            liveliness=liveliness,
            incompatible_type=incompatible_type,
        )


class EventHandler(Entity):
    """Makes the callbacks of one publisher or subscription, in its callback group."""

    def __init__(
        self,
        node: Node,
        callback_group: CallbackGroup | None,
        endpoint: Endpoint,
        callbacks: _EventCallbacks,
        complaint: str,
    ) -> None:
        """complaint: for the log, with {policy} in it."""
        super().__init__(node, callback_group)
        self._endpoint = endpoint
        self._complaint = complaint
        self._on_matched = callbacks.matched
        self._on_incompatible = callbacks.incompatible_qos
        if callbacks.use_default_callbacks and self._on_incompatible is None:
            self._on_incompatible = self._complain
        endpoint.watch(
            (endpoint.MATCHED if self._on_matched else 0)
            | (endpoint.INCOMPATIBLE if self._on_incompatible else 0)
        )
        self.condition = endpoint.handle

    def take(self) -> Job | None:
        if self._on_incompatible and (kept_out := self._endpoint.take_incompatible()):
            kind = POLICY_KINDS.get(kept_out.last_policy_id, QoSPolicyKind.INVALID)
            return partial(
                self._on_incompatible,
                QoSRequestedIncompatibleQoSInfo(
                    kept_out.total_count, kept_out.total_count_change, kind
                ),
            )
        if self._on_matched and (matched := self._endpoint.take_matched()):
            return partial(
                self._on_matched,
                QoSSubscriptionMatchedInfo(
                    matched.total_count,
                    matched.total_count_change,
                    matched.current_count,
                    matched.current_count_change,
                ),
            )
        return None

    def _complain(self, event: QoSRequestedIncompatibleQoSInfo) -> None:
        self.node.get_logger().warning(self._complaint.format(policy=event.last_policy_kind.name))
