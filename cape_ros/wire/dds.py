"""Cyclone DDS: writers and readers of raw CDR, and waiting for them.

Handles are the integers of the C library; `delete` ends what they stand for, now.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import numpy as np
from cyclonedds._clayer import (
    ddspy_get_matched_publication_data,
    ddspy_get_matched_subscription_data,
)
from cyclonedds.builtin_types import cqos_to_qos, endpoint_constructor
from cyclonedds.core import DDSStatus, InstanceState, SampleState, ViewState
from cyclonedds.qos import Policy, Qos, _CQos

from cape_ros.wire import dds_library as library
from cape_ros.wire.dds_library import IncompatibleQosStatus, MatchedStatus, checked
from cape_ros.wire.duration import NANOSECONDS

# The binding reads every QoS through the same buffers.
_READING_QOS = threading.Lock()

ANY_STATE = SampleState.Any | ViewState.Any | InstanceState.Any


def delete(handle: int) -> None:
    """End an entity and all that belongs to it. One that is gone already is no error."""
    library.delete_entity(handle)


def guid_of(handle: int) -> bytes:
    """The 16 octets by which the graph knows an entity."""
    guid = (ctypes.c_char * 16)()
    checked(library.get_guid(handle, guid), "dds_get_guid")
    return guid.raw


class Endpoint:
    """A writer or a reader, and what it knows of its peers: the readers or writers of its topic.

    Once it is closed there are none.
    """

    # Functions of the library.
    _create: ClassVar[Any]
    _peers: ClassVar[Any]
    _describe: ClassVar[Any]
    _incompatible: ClassVar[Any]
    _matched: ClassVar[Any]
    INCOMPATIBLE: ClassVar[int]  # bits for `watch`
    MATCHED: ClassVar[int]

    def __init__(self, participant: int, topic: int, qos: Qos) -> None:
        c_qos = _CQos.qos_to_cqos(qos)
        try:
            made = self._create(participant, topic, c_qos, None)
        finally:
            _CQos.cqos_destroy(c_qos)
        self.handle = checked(made, self._create.__name__)
        self.guid = guid_of(self.handle)

    def matched(self) -> int:
        """The number of peers."""
        return max(0, self._peers(self.handle, None, 0))

    def matched_user_data(self) -> list[bytes]:
        room = self.matched()
        peers = (ctypes.c_uint64 * room)()
        found = min(room, max(0, self._peers(self.handle, peers, room)))
        described = [self.user_data_of(peer) for peer in peers[:found]]
        return [data for data in described if data is not None]

    def user_data_of(self, peer: int) -> bytes | None:
        """None if it is no peer any more."""
        with _READING_QOS:
            described = self._describe(self.handle, peer, endpoint_constructor, cqos_to_qos)
        if described is None:
            return None
        policies = (policy for policy in described.qos if isinstance(policy, Policy.Userdata))
        return next((policy.data for policy in policies), b"")

    def watch(self, statuses: int) -> None:
        """Let a `WaitSet` that has the handle of this among its conditions end its wait when one
        of these changes, until the status is taken."""
        checked(library.set_status_mask(self.handle, statuses), "dds_set_status_mask")

    def take_incompatible(self) -> IncompatibleQosStatus | None:
        """None if no peer was kept out by its QoS since the last call."""
        status = IncompatibleQosStatus()
        code = self._incompatible(self.handle, ctypes.byref(status))
        return None if code < 0 or not status.total_count_change else status

    def take_matched(self) -> MatchedStatus | None:
        """None if no peer came or went since the last call."""
        status = MatchedStatus()
        code = self._matched(self.handle, ctypes.byref(status))
        changed = status.total_count_change or status.current_count_change
        return None if code < 0 or not changed else status

    def close(self) -> None:
        delete(self.handle)


class Writer(Endpoint):
    """Sends CDR to a topic."""

    _create = library.create_writer
    _peers = library.matched_readers
    _describe = staticmethod(ddspy_get_matched_subscription_data)
    _incompatible = library.offered_incompatible
    _matched = library.publication_matched
    INCOMPATIBLE = DDSStatus.OfferedIncompatibleQos
    MATCHED = DDSStatus.PublicationMatched

    def write(self, octets: np.ndarray) -> bool:
        """octets: uint8. False if readers were too slow and it was not sent."""
        sample = library.Sample(octets.ctypes.data, octets.nbytes)
        code = library.write(self.handle, ctypes.byref(sample))
        if code == library.TIMEOUT:
            return False
        checked(code, "dds_write")
        return True

    def wait_for_acknowledgements(self, seconds: float) -> bool:
        return library.wait_for_acks(self.handle, int(seconds * NANOSECONDS)) == 0


@dataclass(frozen=True)
class Received:
    """octets: with the encapsulation. publication: the handle of the writer that sent it."""

    octets: memoryview
    publication: int


class Reader(Endpoint):
    """Receives CDR from a topic."""

    _create = library.create_reader
    _peers = library.matched_writers
    _describe = staticmethod(ddspy_get_matched_publication_data)
    _incompatible = library.requested_incompatible
    _matched = library.subscription_matched
    INCOMPATIBLE = DDSStatus.RequestedIncompatibleQos
    MATCHED = DDSStatus.SubscriptionMatched

    def __init__(self, participant: int, topic: int, qos: Qos) -> None:
        super().__init__(participant, topic, qos)
        made = library.create_condition(self.handle, ANY_STATE)
        self.condition = checked(made, "dds_create_readcondition")

    def take(self) -> Received | None:
        """The oldest sample that waits, None if none does or the reader is closed."""
        sample, info = ctypes.c_void_p(), library.SampleInfo()
        while library.take(self.handle, ctypes.byref(sample), 1, ctypes.byref(info), 0) > 0:
            try:
                if info.valid_data:
                    octets = np.empty(library.size_of(sample), np.uint8)
                    library.copy_out(sample, 0, octets.nbytes, octets.ctypes.data)
                    return Received(cast(memoryview, octets.data), info.publication_handle)
            finally:
                library.release(sample)
        return None

    def close(self) -> None:
        delete(self.condition)
        super().close()


class WaitSet:
    """Waits for any of some conditions, or to be woken."""

    def __init__(self, participant: int) -> None:
        self.handle = checked(library.create_waitset(participant), "dds_create_waitset")
        self._guard = checked(library.create_guard(participant), "dds_create_guardcondition")
        checked(library.attach(self.handle, self._guard, 0), "dds_waitset_attach")
        self._attached: set[int] = set()

    def wait(self, conditions: Sequence[int], seconds: float) -> None:
        wanted = set(conditions)
        for condition in self._attached - wanted:
            # Fails for one that was deleted, which detached it.
            library.detach(self.handle, condition)
        for condition in wanted - self._attached:
            library.attach(self.handle, condition, 0)
        self._attached = wanted
        library.wait(self.handle, None, 0, int(seconds * NANOSECONDS))
        library.take_guard(self._guard, ctypes.byref(ctypes.c_bool()))

    def wake(self) -> None:
        library.set_guard(self._guard, True)

    def close(self) -> None:
        delete(self.handle)
        delete(self._guard)
