"""An MCAP file read from its beginning as far as it goes: one that is cut off has no index."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from mcap.records import Channel, Header, Schema
from mcap.records import Message as Record
from mcap.stream_reader import StreamReader

from cape_ros.bag.topic import Message, Topic, until_damage

MOST_OCTETS = 1 << 30  # of a record; what is damaged may claim any size


class ScannedFile:
    """Raises ValueError for a file that is no MCAP file of ROS 2. damage: why not all of it can be
    read, "" if all can."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.damage = ""
        self.topics: Mapping[Topic, int] = Counter(topic for topic, _, _ in self._read())
        if not self.topics and self.damage:
            raise ValueError(self.damage)

    def messages(self, topics: Collection[Topic]) -> Iterator[Message]:
        return (message for message in self._read() if message[0] in topics)

    def close(self) -> None:
        """Nothing is open between two readings."""

    def _read(self) -> Iterator[Message]:
        schemas: dict[int, Schema] = {}
        topics: dict[int, Topic] = {}
        with self._path.open("rb") as file:
            records = StreamReader(file, record_size_limit=MOST_OCTETS).records
            for record in until_damage(records, self._tell):
                if isinstance(record, Header) and record.profile == "ros1":
                    raise ValueError("a recording of ROS 1")
                if isinstance(record, Schema):
                    schemas[record.id] = record
                elif isinstance(record, Channel) and record.message_encoding == "cdr":
                    if schema := schemas.get(record.schema_id):
                        topics[record.id] = _topic(record, schema)
                elif isinstance(record, Record) and record.channel_id in topics:
                    yield topics[record.channel_id], record.log_time, record.data

    def _tell(self, damage: str) -> None:
        self.damage = damage


def _topic(channel: Channel, schema: Schema) -> Topic:
    definition = schema.data.decode("utf-8", "replace")
    qos = channel.metadata.get("offered_qos_profiles", "")
    return Topic(channel.topic, schema.name, definition, schema.encoding, qos)
