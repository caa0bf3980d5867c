"""An MCAP file, in the profile of ROS 2, that has its name only once it is complete."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mcap.writer import Writer

from cape_ros.bag.topic import Topic
from cape_ros.core.errors import SourceError


class McapFile:
    """Writes messages; `new_mcap_file` makes one."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._schemas: dict[tuple[str, str], int] = {}
        self._channels: dict[Topic, int] = {}

    def write(self, topic: Topic, stamp: int, octets: bytes) -> None:
        """stamp: when it was recorded [ns since 1970]. octets: the message in CDR."""
        if (channel := self._channels.get(topic)) is None:
            channel = self._channels[topic] = self._new_channel(topic)
        self._writer.add_message(channel, stamp, octets, stamp)

    def _new_channel(self, topic: Topic) -> int:
        key = topic.kind, topic.definition
        if key not in self._schemas:
            self._schemas[key] = self._writer.register_schema(
                topic.kind, topic.form, topic.definition.encode()
            )
        metadata = {"offered_qos_profiles": topic.qos} if topic.qos else {}
        schema = self._schemas[key]
        channel: int = self._writer.register_channel(topic.name, "cdr", schema, metadata)
        return channel


@contextmanager
def new_mcap_file(path: Path) -> Iterator[McapFile]:
    """Replaces a file of this name at the end; an exception leaves it as it was.

    Raises `SourceError` if it cannot be written.
    """
    if path.is_dir():
        raise SourceError(f"{path}: cannot be written: it is a folder")
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with unfinished.open("wb") as file:
                writer = Writer(file)
                writer.start(profile="ros2")
                yield McapFile(writer)
                writer.finish()
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise SourceError(f"{path}: cannot be written: {error.strerror or error}") from error
