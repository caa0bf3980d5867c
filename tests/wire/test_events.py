"""Callbacks for peers that come and go and for those that do not fit; QoS by parameters."""

from __future__ import annotations

import pytest
from rcl_interfaces.msg import SetParametersResult
from rclpy.event_handler import (
    PublisherEventCallbacks,
    QoSOfferedIncompatibleQoSInfo,
    QoSPublisherMatchedInfo,
    QoSRequestedIncompatibleQoSInfo,
    QoSSubscriptionMatchedInfo,
    SubscriptionEventCallbacks,
    UnsupportedEventTypeError,
)
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    QoSPolicyKind,
    QoSProfile,
    ReliabilityPolicy,
    qos_policy_name_from_kind,
    qos_profile_sensor_data,
)
from rclpy.qos_overriding_options import InvalidQosOverridesError, QoSOverridingOptions
from sensor_msgs.msg import Image
from std_msgs.msg import String

from .conftest import wait_for

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def test_a_subscription_is_told_of_publishers_that_come_and_go(spin):
    cape, camera, events = Node("cape"), Node("camera"), []
    spin(cape)
    cape.create_subscription(
        Image, "image", print, 1, event_callbacks=SubscriptionEventCallbacks(matched=events.append)
    )
    publisher = camera.create_publisher(Image, "image", 1)
    wait_for(lambda: events == [QoSSubscriptionMatchedInfo(1, 1, 1, 1)])
    camera.destroy_publisher(publisher)
    wait_for(lambda: events[1:] == [QoSSubscriptionMatchedInfo(1, 0, 0, -1)])


def test_a_publisher_is_told_of_subscriptions_that_come_and_go(spin):
    """What lets a node draw an overlay only while somebody looks at it."""
    cape, viewer, events = Node("cape"), Node("viewer"), []
    spin(cape)
    cape.create_publisher(
        Image, "overlay", 1, event_callbacks=PublisherEventCallbacks(matched=events.append)
    )
    viewer.create_subscription(Image, "overlay", print, 1)
    wait_for(lambda: events == [QoSPublisherMatchedInfo(1, 1, 1, 1)])
    viewer.destroy_node()
    wait_for(lambda: events[1:] == [QoSPublisherMatchedInfo(1, 0, 0, -1)])


def test_a_subscription_is_told_of_publishers_that_do_not_fit(spin, capfd):
    cape, camera, events = Node("cape"), Node("camera"), []
    spin(cape)
    callbacks = SubscriptionEventCallbacks(incompatible_qos=events.append)
    cape.create_subscription(Image, "image", print, 1, event_callbacks=callbacks)
    camera.create_publisher(Image, "image", qos_profile_sensor_data)
    info = QoSRequestedIncompatibleQoSInfo(1, 1, QoSPolicyKind.RELIABILITY)
    wait_for(lambda: events == [info])
    assert qos_policy_name_from_kind(info.last_policy_kind) == "RELIABILITY"
    camera.create_publisher(Image, "image", qos_profile_sensor_data)
    wait_for(lambda: len(events) == 2)
    assert (events[1].total_count, events[1].total_count_change) == (2, 1)
    assert "offers another" not in capfd.readouterr().err


def test_a_publisher_is_told_of_subscriptions_that_do_not_fit(spin):
    cape, viewer, events = Node("cape"), Node("viewer"), []
    spin(cape)
    callbacks = PublisherEventCallbacks(incompatible_qos=events.append)
    cape.create_publisher(String, "text", 1, event_callbacks=callbacks)
    viewer.create_subscription(String, "text", print, LATCHED)
    wait_for(lambda: events == [QoSOfferedIncompatibleQoSInfo(1, 1, QoSPolicyKind.DURABILITY)])


def test_the_line_in_the_log_can_be_left_out(spin, capfd):
    cape, camera, matched = Node("cape"), Node("camera"), []
    quiet = SubscriptionEventCallbacks(matched=matched.append, use_default_callbacks=False)
    cape.create_subscription(Image, "image", print, 1, event_callbacks=quiet)
    spin(cape)
    camera.create_publisher(Image, "image", qos_profile_sensor_data)
    camera.create_publisher(Image, "image", 1)
    wait_for(lambda: matched)
    assert "offers another" not in capfd.readouterr().err


def test_events_that_never_come_are_refused(ros):
    node = Node("cape")
    with pytest.raises(UnsupportedEventTypeError, match="message_lost"):
        node.create_subscription(
            Image, "image", print, 1, event_callbacks=SubscriptionEventCallbacks(message_lost=print)
        )
    with pytest.raises(UnsupportedEventTypeError, match="deadline"):
        node.create_publisher(
            Image, "image", 1, event_callbacks=PublisherEventCallbacks(deadline=print)
        )


def test_no_callback_comes_after_the_subscription_is_destroyed(spin):
    cape, camera, events = Node("cape"), Node("camera"), []
    callbacks = SubscriptionEventCallbacks(matched=events.append)
    subscription = cape.create_subscription(Image, "image", print, 1, event_callbacks=callbacks)
    assert cape.destroy_subscription(subscription)
    assert not set(subscription.event_handlers) & set(cape.entities())
    ticks = []
    cape.create_timer(0.01, lambda: ticks.append(True))
    spin(cape)
    camera.create_publisher(Image, "image", 1)
    wait_for(lambda: len(ticks) > 5)
    assert events == []


def test_the_qos_of_a_topic_can_be_changed_by_parameters(ros):
    name = "qos_overrides./camera/image.subscription"
    overrides = {"reliability": "best_effort", "depth": 2, "history": "keep_last"}
    node = Node(
        "cape",
        parameter_overrides=[Parameter(f"{name}.{key}", value=v) for key, v in overrides.items()],
    )
    asked = QoSProfile(depth=1)
    subscription = node.create_subscription(
        Image,
        "/camera/image",
        print,
        asked,
        qos_overriding_options=QoSOverridingOptions.with_default_policies(),
    )
    assert subscription.qos_profile == QoSProfile(
        depth=2, reliability=ReliabilityPolicy.BEST_EFFORT
    )
    assert asked == QoSProfile(depth=1)
    assert node.describe_parameter(f"{name}.depth").read_only
    again = node.create_subscription(
        Image,
        "/camera/image",
        print,
        10,
        qos_overriding_options=QoSOverridingOptions.with_default_policies(),
    )
    assert again.qos_profile.depth == 2


def test_other_policies_and_a_second_name_for_the_parameters(ros):
    name = "qos_overrides./text.publisher_results"
    node = Node(
        "cape",
        parameter_overrides=[
            Parameter(f"{name}.durability", value="transient_local"),
            Parameter(f"{name}.lifespan", value=5_000_000_000),
        ],
    )
    options = QoSOverridingOptions(
        [QoSPolicyKind.DURABILITY, QoSPolicyKind.LIFESPAN], entity_id="results"
    )
    publisher = node.create_publisher(String, "text", 1, qos_overriding_options=options)
    assert publisher.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
    assert publisher.qos_profile.lifespan.nanoseconds == 5_000_000_000
    assert publisher.qos_profile.history == HistoryPolicy.KEEP_LAST


def test_qos_that_is_none_is_refused(ros):
    name = "qos_overrides./text.publisher.reliability"
    node = Node("cape", parameter_overrides=[Parameter(name, value="perfect")])
    options = QoSOverridingOptions([QoSPolicyKind.RELIABILITY])
    with pytest.raises(InvalidQosOverridesError, match="'perfect' is not one of"):
        node.create_publisher(String, "text", 1, qos_overriding_options=options)
    deep = QoSOverridingOptions(
        [QoSPolicyKind.DEPTH],
        callback=lambda qos: SetParametersResult(successful=qos.depth > 1, reason="too shallow"),
    )
    with pytest.raises(InvalidQosOverridesError, match="too shallow"):
        node.create_publisher(String, "text", 1, qos_overriding_options=deep)
