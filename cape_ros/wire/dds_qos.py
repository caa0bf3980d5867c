"""Quality of service in the words of DDS."""

from __future__ import annotations

from cyclonedds.qos import Policy, Qos

from cape_ros.wire.duration import NANOSECONDS
from cape_ros.wire.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    QoSPolicyKind,
    QoSProfile,
    ReliabilityPolicy,
)

# [s] that a write to slow reliable readers may wait; only one that keeps all messages ever does.
MOST_BLOCKING = 0.1

# By the numbers that DDS gives to policies.
POLICY_KINDS = {
    2: QoSPolicyKind.DURABILITY,
    4: QoSPolicyKind.DEADLINE,
    8: QoSPolicyKind.LIVELINESS,
    11: QoSPolicyKind.RELIABILITY,
    13: QoSPolicyKind.HISTORY,
    21: QoSPolicyKind.LIFESPAN,
}


def to_dds(profile: QoSProfile, user_data: bytes) -> Qos:
    """The QoS of a reader or writer."""
    history = (
        Policy.History.KeepAll
        if profile.history == HistoryPolicy.KEEP_ALL
        else Policy.History.KeepLast(max(1, profile.depth))
    )
    policies = [
        history,
        Policy.Reliability.BestEffort
        if profile.reliability == ReliabilityPolicy.BEST_EFFORT
        else Policy.Reliability.Reliable(int(MOST_BLOCKING * NANOSECONDS)),
        # ROS 2 speaks XCDR1 and disposes of no instance.
        Policy.DataRepresentation(use_cdrv0_representation=True, use_xcdrv2_representation=False),
        Policy.WriterDataLifecycle(autodispose=False),
        Policy.Userdata(user_data),
    ]
    if profile.durability == DurabilityPolicy.TRANSIENT_LOCAL:
        policies += [
            Policy.Durability.TransientLocal,
            Policy.DurabilityService(0, history, -1, -1, -1),
        ]
    if profile.lifespan.nanoseconds:
        policies.append(Policy.Lifespan(profile.lifespan.nanoseconds))
    if profile.deadline.nanoseconds:
        policies.append(Policy.Deadline(profile.deadline.nanoseconds))
    if profile.liveliness_lease_duration.nanoseconds:
        policies.append(Policy.Liveliness.Automatic(profile.liveliness_lease_duration.nanoseconds))
    return Qos(*policies)
