"""rclpy.qos_overriding_options: QoS that whoever starts a node may change by parameters."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from cape_ros.wire.duration import Duration
from cape_ros.wire.exceptions import ParameterAlreadyDeclaredException
from cape_ros.wire.parameters import Descriptor
from cape_ros.wire.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    LivelinessPolicy,
    QoSPolicyKind,
    QoSProfile,
    ReliabilityPolicy,
)

if TYPE_CHECKING:
    from cape_ros.wire.node import Node

POLICIES: dict[QoSPolicyKind, Any] = {
    QoSPolicyKind.HISTORY: HistoryPolicy,
    QoSPolicyKind.RELIABILITY: ReliabilityPolicy,
    QoSPolicyKind.DURABILITY: DurabilityPolicy,
    QoSPolicyKind.LIVELINESS: LivelinessPolicy,
}


class InvalidQosOverridesError(Exception):
    """What was given for the QoS of a topic is none, or was refused."""


class QoSOverridingOptions:
    """Which policies may be changed. callback: says of the profile that results if it will do."""

    def __init__(
        self,
        policy_kinds: Iterable[QoSPolicyKind],
        *,
        callback: Callable[[QoSProfile], Any] | None = None,
        entity_id: str | None = None,
    ) -> None:
        """entity_id: tells apart the parameters of several subscriptions to one topic."""
        self.policy_kinds = tuple(policy_kinds)
        self.callback = callback
        self.entity_id = entity_id

    @classmethod
    def with_default_policies(
        cls,
        *,
        callback: Callable[[QoSProfile], Any] | None = None,
        entity_id: str | None = None,
    ) -> QoSOverridingOptions:
        """History, depth and reliability."""
        kinds = QoSPolicyKind.HISTORY, QoSPolicyKind.DEPTH, QoSPolicyKind.RELIABILITY
        return cls(kinds, callback=callback, entity_id=entity_id)


def overridden(
    node: Node, kind: str, topic: str, qos: QoSProfile, options: QoSOverridingOptions | None
) -> QoSProfile:
    """The profile after the parameters `qos_overrides.TOPIC.KIND.POLICY`, which this declares.

    kind: publisher or subscription. Raises InvalidQosOverridesError.
    """
    if options is None:
        return qos
    suffix = "" if options.entity_id is None else f"_{options.entity_id}"
    prefix = f"qos_overrides.{topic}.{kind}{suffix}"
    result = copy.copy(qos)
    for policy in options.policy_kinds:
        field = policy.name.lower()
        name = f"{prefix}.{field}"
        try:
            descriptor = Descriptor(description=f"{field} of the {kind} {topic}", read_only=True)
            parameter = node.declare_parameter(name, _to_parameter(getattr(qos, field)), descriptor)
        except ParameterAlreadyDeclaredException:
            parameter = node.get_parameter(name)
        setattr(result, field, _from_parameter(policy, name, parameter.value))
    if options.callback is not None:
        answer = options.callback(result)
        if not answer.successful:
            raise InvalidQosOverridesError(f"{prefix}: {answer.reason}")
    return result


def _to_parameter(value: Any) -> str | int:
    if isinstance(value, Duration):
        return value.nanoseconds
    return value.name.lower() if hasattr(value, "name") else value


def _from_parameter(policy: QoSPolicyKind, name: str, value: Any) -> Any:
    if policy == QoSPolicyKind.DEPTH:
        return value
    if policy not in POLICIES:
        return Duration(nanoseconds=value)
    try:
        return POLICIES[policy][value.upper()]
    except KeyError:
        known = ", ".join(member.name.lower() for member in POLICIES[policy])
        raise InvalidQosOverridesError(f"{name}: {value!r} is not one of {known}") from None
