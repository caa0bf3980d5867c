"""Where the releases of rclpy differ: found out here, by looking, so that nobody else has to."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.subscription import Subscription

try:
    from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import PublisherEventCallbacks, SubscriptionEventCallbacks

try:
    import vision_msgs.msg as vision_msgs
except ImportError:  # then no detections come in, and none go out
    vision_msgs = None  # type: ignore[assignment]

OnMismatch = Callable[[str, str], object]
"""Called with the full name of a topic and what is wrong when a peer's QoS does not fit."""


def create_subscription(
    node: Node,
    kind: Any,
    topic: str,
    callback: Callable[[Any], None],
    qos: QoSProfile,
    group: Any,
    on_mismatch: OnMismatch,
) -> Subscription:
    """A subscription whose QoS can be overridden by parameters `qos_overrides.…`."""
    name = node.resolve_topic_name(topic)

    def tell(event: Any) -> None:
        what = f"a publisher on {name} offers another {_policy(event)} than this node asks for"
        on_mismatch(name, f"{what}: nothing is received from it")

    make = partial(
        node.create_subscription,
        kind,
        topic,
        callback,
        qos,
        callback_group=group,
        qos_overriding_options=QoSOverridingOptions.with_default_policies(),
    )
    return _with_events(make, SubscriptionEventCallbacks(incompatible_qos=tell))


def create_publisher(
    node: Node, kind: Any, topic: str, qos: QoSProfile | int, on_mismatch: OnMismatch
) -> Publisher:
    name = node.resolve_topic_name(topic)

    def tell(event: Any) -> None:
        what = f"a subscriber to {name} asks for another {_policy(event)} than this node offers"
        on_mismatch(name, f"{what}: it receives nothing")

    make = partial(node.create_publisher, kind, topic, qos)
    return _with_events(make, PublisherEventCallbacks(incompatible_qos=tell))


def _with_events(make: Callable[..., Any], events: Any) -> Any:
    """Some middlewares, as Zenoh's, tell nobody of QoS that does not fit: then without events."""
    try:
        return make(event_callbacks=events)
    except Exception as error:
        if type(error).__name__ != "UnsupportedEventTypeError":
            raise
        return make()


def _policy(event: Any) -> str:
    """The name of the policy that does not fit, such as RELIABILITY."""
    kind = event.last_policy_kind
    try:
        from rclpy.qos import qos_policy_name_from_kind

        return str(qos_policy_name_from_kind(kind))
    except ImportError:
        return str(getattr(kind, "name", kind))
