"""The one DDS participant of a process: its topics, readers and writers."""

from __future__ import annotations

import threading

from cyclonedds.core import Policy, Qos
from cyclonedds.domain import DomainParticipant
from cyclonedds.topic import Topic

from cape_ros.wire import dds, domain
from cape_ros.wire.dds_qos import to_dds
from cape_ros.wire.idl import dds_type
from cape_ros.wire.interfaces import type_hash
from cape_ros.wire.qos import QoSProfile


class Participant:
    """Makes readers and writers of ROS 2 types; `close_endpoint` and `close` end them at once."""

    def __init__(self, domain_id: int) -> None:
        domain.set_up(domain_id)
        self._participant = DomainParticipant(domain_id, qos=Qos(Policy.Userdata(b"enclave=/;")))
        self.handle: int = self._participant._ref
        self.guid = dds.guid_of(self.handle)
        self._lock = threading.Lock()
        self._topics: dict[tuple[str, str], Topic] = {}
        self._topic_of: dict[int, tuple[str, str]] = {}

    def create_writer(
        self,
        topic: str,
        type_name: str,
        profile: QoSProfile,
        user_data: bytes = b"",
    ) -> dds.Writer:
        """topic: the DDS name. user_data: goes before the type's hash."""
        with self._lock:
            writer = dds.Writer(
                self.handle,
                self._topic(topic, type_name),
                to_dds(profile, user_data + _hash_entry(type_name)),
            )
            self._topic_of[writer.handle] = topic, type_name
            return writer

    def create_reader(
        self, topic: str, type_name: str, profile: QoSProfile, user_data: bytes = b""
    ) -> dds.Reader:
        with self._lock:
            reader = dds.Reader(
                self.handle,
                self._topic(topic, type_name),
                to_dds(profile, user_data + _hash_entry(type_name)),
            )
            self._topic_of[reader.handle] = topic, type_name
            return reader

    def close_endpoint(self, endpoint: dds.Writer | dds.Reader) -> None:
        """A second time is harmless."""
        with self._lock:
            endpoint.close()
            key = self._topic_of.pop(endpoint.handle, None)
            if key is not None and key not in self._topic_of.values():
                dds.delete(self._topics.pop(key)._ref)

    def close(self) -> None:
        """End all of it now, and not when Python collects it: peers are told."""
        dds.delete(self.handle)

    def _topic(self, name: str, type_name: str) -> int:
        key = name, type_name
        if key not in self._topics:
            self._topics[key] = Topic(self._participant, name, dds_type(type_name))
        return self._topics[key]._ref


def _hash_entry(type_name: str) -> bytes:
    return f"typehash={type_hash(type_name)};".encode()
