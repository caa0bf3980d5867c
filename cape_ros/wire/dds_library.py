"""The C library of Cyclone DDS: its structures and functions, called with Python's lock released.

The Python binding of Cyclone DDS makes the types and domains. Its own write and take hold the
interpreter lock, so that one stopped reader freezes a whole process; those are called by ctypes.
"""

from __future__ import annotations

import ctypes
from typing import Any

from cyclonedds.internal import DDS

from cape_ros.memory import keep_frames_mapped

TIMEOUT = -10  # DDS_RETCODE_TIMEOUT

keep_frames_mapped()


class Sample(ctypes.Structure):
    """What the binding's types take for a sample: its CDR."""

    _fields_ = [("octets", ctypes.c_void_p), ("size", ctypes.c_size_t)]


class SampleInfo(ctypes.Structure):
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


class IncompatibleQosStatus(ctypes.Structure):
    _fields_ = [
        ("total_count", ctypes.c_uint32),
        ("total_count_change", ctypes.c_int32),
        ("last_policy_id", ctypes.c_uint32),
    ]


class MatchedStatus(ctypes.Structure):
    _fields_ = [
        ("total_count", ctypes.c_uint32),
        ("total_count_change", ctypes.c_int32),
        ("current_count", ctypes.c_uint32),
        ("current_count_change", ctypes.c_int32),
        ("last_peer", ctypes.c_uint64),
    ]


class DdsError(RuntimeError):
    """A call of the DDS library failed."""


def checked(code: int, what: str) -> int:
    if code < 0:
        raise DdsError(f"{what} failed with DDS return code {code}")
    return code


# A second view of the library: the binding sets its own argument types on the first.
_library = ctypes.CDLL(DDS._dll_handle._name)


def _declare(name: str, result: Any, *arguments: Any) -> Any:
    function = getattr(_library, name)
    function.restype, function.argtypes = result, arguments
    return function


_entity, _status, _pointer = ctypes.c_int32, ctypes.c_int32, ctypes.c_void_p
_to = ctypes.POINTER
_peers = _to(ctypes.c_uint64)

create_writer = _declare("dds_create_writer", _entity, _entity, _entity, _pointer, _pointer)
create_reader = _declare("dds_create_reader", _entity, _entity, _entity, _pointer, _pointer)
create_condition = _declare("dds_create_readcondition", _entity, _entity, ctypes.c_uint32)
create_guard = _declare("dds_create_guardcondition", _entity, _entity)
create_waitset = _declare("dds_create_waitset", _entity, _entity)
delete_entity = _declare("dds_delete", _status, _entity)
get_guid = _declare("dds_get_guid", _status, _entity, ctypes.c_char * 16)

write = _declare("dds_write", _status, _entity, _to(Sample))
wait_for_acks = _declare("dds_wait_for_acks", _status, _entity, ctypes.c_int64)
take = _declare(
    "dds_takecdr",
    _status,
    _entity,
    _to(_pointer),
    ctypes.c_uint32,
    _to(SampleInfo),
    ctypes.c_uint32,
)
size_of = _declare("ddsi_serdata_size", ctypes.c_uint32, _pointer)
copy_out = _declare(
    "ddsi_serdata_to_ser", None, _pointer, ctypes.c_size_t, ctypes.c_size_t, _pointer
)
release = _declare("ddsi_serdata_unref", None, _pointer)

matched_readers = _declare(
    "dds_get_matched_subscriptions", _status, _entity, _peers, ctypes.c_size_t
)
matched_writers = _declare(
    "dds_get_matched_publications", _status, _entity, _peers, ctypes.c_size_t
)
set_status_mask = _declare("dds_set_status_mask", _status, _entity, ctypes.c_uint32)
offered_incompatible = _declare(
    "dds_get_offered_incompatible_qos_status", _status, _entity, _to(IncompatibleQosStatus)
)
requested_incompatible = _declare(
    "dds_get_requested_incompatible_qos_status", _status, _entity, _to(IncompatibleQosStatus)
)
publication_matched = _declare(
    "dds_get_publication_matched_status", _status, _entity, _to(MatchedStatus)
)
subscription_matched = _declare(
    "dds_get_subscription_matched_status", _status, _entity, _to(MatchedStatus)
)

attach = _declare("dds_waitset_attach", _status, _entity, _entity, ctypes.c_ssize_t)
detach = _declare("dds_waitset_detach", _status, _entity, _entity)
wait = _declare("dds_waitset_wait", _status, _entity, _pointer, ctypes.c_size_t, ctypes.c_int64)
set_guard = _declare("dds_set_guardcondition", _status, _entity, ctypes.c_bool)
take_guard = _declare("dds_take_guardcondition", _status, _entity, _to(ctypes.c_bool))
