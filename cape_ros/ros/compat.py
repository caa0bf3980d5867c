"""Feature detection for differences between rclpy releases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import combinations
from typing import Any

from rclpy.lifecycle import LifecycleNode
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
    vision_msgs = None

OnMismatch = Callable[[str, str], object]
"""Called with the full name of a topic and what is wrong when a peer's QoS does not fit."""
OnLost = Callable[[int], object]
"""Called with how many more messages were lost on their way."""
UNKNOWN_NUMBER = 2**64 - 1  # from a middleware that does not number what is published


def create_subscription(
    node: Node,
    kind: Any,
    topic: str,
    callback: Callable[[Any], None],
    qos: QoSProfile,
    group: Any,
    on_mismatch: OnMismatch,
    on_lost: OnLost | None = None,
) -> Subscription:
    """A subscription whose QoS can be overridden by parameters `qos_overrides.…`.

    on_lost: is not called where the middleware does not notice.
    """
    name = node.resolve_topic_name(topic)

    def report(event: Any) -> None:
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

    def count(event: Any) -> None:
        if on_lost is not None:
            on_lost(event.total_count_change)

    handlers = {"incompatible_qos": report, "message_lost": count if on_lost else None}
    subscription: Subscription = _with_events(make, SubscriptionEventCallbacks, handlers)
    return subscription


def numbered(callback: Callable[[Any, int | None], None]) -> Callable[..., None]:
    """A subscription's callback that is given the number of each message, which grows by one with
    every message of a publisher; None where rclpy or the middleware does not know it."""
    if not hasattr(Subscription, "CallbackType"):  # Humble

        def plain(message: Any) -> None:
            callback(message, None)

        return plain

    def informed(message: Any, info: Mapping[str, Any]) -> None:
        number = info.get("publication_sequence_number")
        callback(message, None if number == UNKNOWN_NUMBER else number)

    return informed


def given_parameters(node: Node) -> list[str]:
    """Names of the parameters that the node was started with; rclpy has no public way to them."""
    return list(getattr(node, "_parameter_overrides", ()))


def create_publisher(
    node: Node, kind: Any, topic: str, qos: QoSProfile | int, on_mismatch: OnMismatch
) -> Publisher:
    name = node.resolve_topic_name(topic)

    def report(event: Any) -> None:
        what = f"a subscriber to {name} asks for another {_policy(event)} than this node offers"
        on_mismatch(name, f"{what}: it receives nothing")

    make = partial(node.create_publisher, kind, topic, qos)
    handlers = {"incompatible_qos": report}
    publisher: Publisher = _with_events(make, PublisherEventCallbacks, handlers)
    return publisher


def destroy_life_cycle(node: LifecycleNode) -> None:
    """With a node that is destroyed: rclpy leaves the services of its life cycle on the network
    until Python collects it. Idempotent."""
    machine = getattr(node, "_state_machine", None)
    if machine is not None:
        machine.destroy_when_not_in_use()


def _with_events(make: Callable[..., Any], kind: Any, handlers: Mapping[str, Any]) -> Any:
    """Makes it with as many of the events as the middleware supports: Zenoh's has none for an
    incompatible QoS, others none for a lost message."""
    wanted = {name: callback for name, callback in handlers.items() if callback}
    for count in range(len(wanted), 0, -1):
        for names in combinations(wanted, count):
            try:
                return make(event_callbacks=kind(**{name: wanted[name] for name in names}))
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
