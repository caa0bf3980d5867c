"""Cyclone DDS: writers and readers of raw CDR, and waiting, with Python's lock released.

The Python binding of Cyclone DDS makes the types and domains. Its own write and take hold the
interpreter lock, so that one stopped reader freezes a whole process; those are called by ctypes.
Handles are the integers of the C library; `delete` ends what they stand for, now.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from cyclonedds._clayer import (
    ddspy_get_matched_publication_data,
    ddspy_get_matched_subscription_data,
)
from cyclonedds.builtin_types import cqos_to_qos, endpoint_constructor
from cyclonedds.core import InstanceState, SampleState, ViewState
from cyclonedds.internal import DDS
from cyclonedds.qos import Policy, Qos, _CQos

from cape_ros.wire.duration import NANOSECONDS
from cape_ros.wire.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

INFINITE = 2**63 - 1
ANY_STATE = SampleState.Any | ViewState.Any | InstanceState.Any
TIMEOUT = -10  # DDS_RETCODE_TIMEOUT
# [s] that a write to slow reliable readers may wait; only one that keeps all messages ever does.
MOST_BLOCKING = 0.1
QOS_POLICIES = {2: "DURABILITY", 4: "DEADLINE", 8: "LIVELINESS", 11: "RELIABILITY"}

# Keep the memory of frames mapped: giving 3 MB back and taking it again costs 4 ms a frame.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_libc = ctypes.CDLL(None)
_libc.mallopt(_M_MMAP_THRESHOLD, 32 << 20)
_libc.mallopt(_M_TRIM_THRESHOLD, 256 << 20)
_libc.mallopt(_M_TOP_PAD, 64 << 20)


class _Sample(ctypes.Structure):
    """What the binding's types take for a sample: its CDR."""

    _fields_ = [("octets", ctypes.c_void_p), ("size", ctypes.c_size_t)]


class _SampleInfo(ctypes.Structure):
    _fields_ = [
        ("sample_state", ctypes.c_uint),
        ("view_state", ctypes.c_uint),
        ("instance_state", ctypes.c_uint),
        ("valid_data", ctypes.c_bool),
        ("source_timestamp", ctypes.c_int64),
        ("instance_handle", ctypes.c_uint64),
        ("publication_handle", ctypes.c_uint64),
        ("counts", ctypes.c_uint32 * 5),
    ]


class _IncompatibleQos(ctypes.Structure):
    _fields_ = [
        ("total_count", ctypes.c_uint32),
        ("total_count_change", ctypes.c_int32),
        ("last_policy_id", ctypes.c_uint32),
    ]


# A second view of the library: the binding sets its own argument types on the first.
_library = ctypes.CDLL(DDS._dll_handle._name)


def _declare(name: str, result: Any, *arguments: Any) -> Any:
    function = getattr(_library, name)
    function.restype, function.argtypes = result, arguments
    return function


_entity, _status, _pointer = ctypes.c_int32, ctypes.c_int32, ctypes.c_void_p
_handles = ctypes.POINTER(ctypes.c_uint64)
_create_writer = _declare("dds_create_writer", _entity, _entity, _entity, _pointer, _pointer)
_create_reader = _declare("dds_create_reader", _entity, _entity, _entity, _pointer, _pointer)
_create_condition = _declare("dds_create_readcondition", _entity, _entity, ctypes.c_uint32)
_create_guard = _declare("dds_create_guardcondition", _entity, _entity)
_create_waitset = _declare("dds_create_waitset", _entity, _entity)
_delete = _declare("dds_delete", _status, _entity)
_get_guid = _declare("dds_get_guid", _status, _entity, ctypes.c_char * 16)
_write = _declare("dds_write", _status, _entity, ctypes.POINTER(_Sample))
_wait_for_acks = _declare("dds_wait_for_acks", _status, _entity, ctypes.c_int64)
_take = _declare(
    "dds_takecdr",
    _status,
    _entity,
    ctypes.POINTER(_pointer),
    ctypes.c_uint32,
    ctypes.POINTER(_SampleInfo),
    ctypes.c_uint32,
)
_size_of = _declare("ddsi_serdata_size", ctypes.c_uint32, _pointer)
_copy_out = _declare(
    "ddsi_serdata_to_ser", None, _pointer, ctypes.c_size_t, ctypes.c_size_t, _pointer
)
_release = _declare("ddsi_serdata_unref", None, _pointer)
_matched_readers = _declare(
    "dds_get_matched_subscriptions", _status, _entity, _handles, ctypes.c_size_t
)
_matched_writers = _declare(
    "dds_get_matched_publications", _status, _entity, _handles, ctypes.c_size_t
)
_offered_incompatible = _declare(
    "dds_get_offered_incompatible_qos_status", _status, _entity, ctypes.POINTER(_IncompatibleQos)
)
_requested_incompatible = _declare(
    "dds_get_requested_incompatible_qos_status", _status, _entity, ctypes.POINTER(_IncompatibleQos)
)
_attach = _declare("dds_waitset_attach", _status, _entity, _entity, ctypes.c_ssize_t)
_detach = _declare("dds_waitset_detach", _status, _entity, _entity)
_wait = _declare("dds_waitset_wait", _status, _entity, _pointer, ctypes.c_size_t, ctypes.c_int64)
_set_guard = _declare("dds_set_guardcondition", _status, _entity, ctypes.c_bool)
_take_guard = _declare("dds_take_guardcondition", _status, _entity, ctypes.POINTER(ctypes.c_bool))


class DdsError(RuntimeError):
    """A call of the DDS library failed."""


def _checked(code: int, what: str) -> int:
    if code < 0:
        raise DdsError(f"{what} failed with DDS return code {code}")
    return code


def delete(handle: int) -> None:
    """End an entity and all that belongs to it. One that is gone already is no error."""
    _delete(handle)


def guid_of(handle: int) -> bytes:
    """The 16 octets by which the graph knows an entity."""
    guid = (ctypes.c_char * 16)()
    _checked(_get_guid(handle, guid), "dds_get_guid")
    return guid.raw


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


def _create(function: Any, participant: int, topic: int, qos: Qos) -> int:
    c_qos = _CQos.qos_to_cqos(qos)
    try:
        return _checked(function(participant, topic, c_qos, None), function.__name__)
    finally:
        _CQos.cqos_destroy(c_qos)


def _incompatible(function: Any, handle: int) -> str | None:
    """The policy that kept the last peer out since the last call, None if there was none."""
    status = _IncompatibleQos()
    if function(handle, ctypes.byref(status)) < 0 or not status.total_count_change:
        return None
    return QOS_POLICIES.get(status.last_policy_id, f"policy {status.last_policy_id}")


def _user_data(describe: Any, handle: int, peer: int) -> bytes | None:
    """USER_DATA of a matched peer, None if it is none any more."""
    described = describe(handle, peer, endpoint_constructor, cqos_to_qos)
    if described is None:
        return None
    policies = (policy for policy in described.qos if isinstance(policy, Policy.Userdata))
    return next((policy.data for policy in policies), b"")


def _all_user_data(matched: Any, describe: Any, handle: int) -> list[bytes]:
    room = max(0, matched(handle, None, 0))
    peers = (ctypes.c_uint64 * room)()
    found = min(room, max(0, matched(handle, peers, room)))
    described = [_user_data(describe, handle, peer) for peer in peers[:found]]
    return [data for data in described if data is not None]


class Writer:
    """Sends CDR to a topic."""

    def __init__(self, participant: int, topic: int, qos: Qos) -> None:
        self.handle = _create(_create_writer, participant, topic, qos)
        self.guid = guid_of(self.handle)

    def write(self, octets: np.ndarray) -> bool:
        """octets: uint8. False if readers were too slow and it was not sent."""
        code = _write(self.handle, ctypes.byref(_Sample(octets.ctypes.data, octets.nbytes)))
        if code == TIMEOUT:
            return False
        _checked(code, "dds_write")
        return True

    def wait_for_acknowledgements(self, seconds: float) -> bool:
        return _wait_for_acks(self.handle, int(seconds * NANOSECONDS)) == 0

    def matched(self) -> int:
        return max(0, _matched_readers(self.handle, None, 0))

    def matched_user_data(self) -> list[bytes]:
        return _all_user_data(_matched_readers, ddspy_get_matched_subscription_data, self.handle)

    def incompatible(self) -> str | None:
        return _incompatible(_offered_incompatible, self.handle)

    def close(self) -> None:
        delete(self.handle)


@dataclass(frozen=True)
class Received:
    """octets: with the encapsulation. publication: the handle of the writer that sent it."""

    octets: memoryview
    publication: int


class Reader:
    """Receives CDR from a topic."""

    def __init__(self, participant: int, topic: int, qos: Qos) -> None:
        self.handle = _create(_create_reader, participant, topic, qos)
        self.guid = guid_of(self.handle)
        self.condition = _checked(_create_condition(self.handle, ANY_STATE), "dds_readcondition")

    def take(self) -> Received | None:
        """The oldest sample that waits, None if none does or the reader is closed."""
        sample, info = ctypes.c_void_p(), _SampleInfo()
        while _take(self.handle, ctypes.byref(sample), 1, ctypes.byref(info), 0) > 0:
            try:
                if info.valid_data:
                    octets = np.empty(_size_of(sample), np.uint8)
                    _copy_out(sample, 0, octets.nbytes, octets.ctypes.data)
                    return Received(cast(memoryview, octets.data), info.publication_handle)
            finally:
                _release(sample)
        return None

    def matched(self) -> int:
        return max(0, _matched_writers(self.handle, None, 0))

    def matched_user_data(self) -> list[bytes]:
        return _all_user_data(_matched_writers, ddspy_get_matched_publication_data, self.handle)

    def user_data_of(self, publication: int) -> bytes | None:
        """Of a matched writer, None if it is none any more."""
        return _user_data(ddspy_get_matched_publication_data, self.handle, publication)

    def incompatible(self) -> str | None:
        return _incompatible(_requested_incompatible, self.handle)

    def close(self) -> None:
        delete(self.condition)
        delete(self.handle)


class WaitSet:
    """Waits for any of some conditions, or to be woken."""

    def __init__(self, participant: int) -> None:
        self.handle = _checked(_create_waitset(participant), "dds_create_waitset")
        self._guard = _checked(_create_guard(participant), "dds_create_guardcondition")
        _checked(_attach(self.handle, self._guard, 0), "dds_waitset_attach")
        self._attached: set[int] = set()

    def wait(self, conditions: Sequence[int], seconds: float) -> None:
        wanted = set(conditions)
        for condition in self._attached - wanted:
            _detach(self.handle, condition)  # fails for one that was deleted, which detached it
        for condition in wanted - self._attached:
            _attach(self.handle, condition, 0)
        self._attached = wanted
        _wait(self.handle, None, 0, int(seconds * NANOSECONDS))
        _take_guard(self._guard, ctypes.byref(ctypes.c_bool()))

    def wake(self) -> None:
        _set_guard(self._guard, True)

    def close(self) -> None:
        delete(self.handle)
        delete(self._guard)
