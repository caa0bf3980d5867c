"""A recording of rosbag2 as one row of messages: a folder, an .mcap or a .db3 file."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from rosbags.interfaces import Connection, MessageDefinitionFormat
from rosbags.rosbag2 import Reader
from rosbags.rosbag2.metadata import dump_qos_v8

from cape_ros.bag.scanned import ScannedFile
from cape_ros.bag.topic import Message, Topic, reason, until_damage
from cape_ros.bag.unfinished import UnfinishedDatabase, advice, journal_of
from cape_ros.core.errors import SourceError

STORAGE = (".mcap", ".db3")
PACKED = ".zstd"  # a file that the recorder has compressed; metadata.yaml says how
FORMS = {MessageDefinitionFormat.MSG: "ros2msg", MessageDefinitionFormat.IDL: "ros2idl"}


class Part(Protocol):
    """damage: why not all of it could be read up to now, "" if all could."""

    topics: Mapping[Topic, int]
    damage: str

    def messages(self, topics: Collection[Topic]) -> Iterator[Message]: ...

    def close(self) -> None: ...


class Recording:
    """A context manager. topics: with the number of messages of each."""

    def __init__(self, path: Path) -> None:
        """Raises `SourceError` for what is no recording, or has nothing that can be read."""
        self._parts: dict[Path, Part] = {}
        self._lost: dict[Path, str] = {}
        if not path.exists():
            raise SourceError(f"{path}: no such file or folder")
        unfinished = any(map(journal_of, _files(path)))
        if (path / "metadata.yaml").is_file() and not unfinished:
            self._add(path)
        if not self._parts:  # a recorder that was killed leaves no metadata, or a file cut off
            for file in _files(path):
                self._add(file)
        if not self._parts:
            why = "; ".join(self._lost.values()) or "it holds no .mcap and no .db3 file"
            raise SourceError(f"{path}: no recording of ROS 2 that can be read: {why}")
        counts: Counter[Topic] = Counter()
        for part in self._parts.values():
            counts.update(part.topics)
        self.topics: Mapping[Topic, int] = counts

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, *_: object) -> None:
        for part in self._parts.values():
            part.close()

    def messages(self, topics: Collection[Topic]) -> Iterator[Message]:
        """Those of some topics, by time within each file."""
        for part in self._parts.values():
            yield from part.messages(topics)

    @property
    def damage(self) -> Sequence[str]:
        """A sentence for each file of which not all could be read."""
        ended = [
            f"{path}: it is cut off or damaged ({part.damage}); the rest is not read"
            for path, part in self._parts.items()
            if part.damage
        ]
        return [*(f"{path}: {why}" for path, why in self._lost.items()), *ended]

    def _add(self, path: Path) -> None:
        try:
            self._parts[path] = _open(path)
        except Exception as error:  # libraries raise anything of a damaged file
            self._lost[path] = reason(error)


class IndexedBag:
    """What the library reads by itself. Raises anything."""

    def __init__(self, path: Path) -> None:
        self.damage = ""
        self._reader = Reader(path)
        self._reader.open()
        self._topics = {each.id: _topic(each) for each in self._reader.connections}
        counts: Counter[Topic] = Counter()
        for each in self._reader.connections:
            counts[self._topics[each.id]] += each.msgcount
        self.topics: Mapping[Topic, int] = counts

    def messages(self, topics: Collection[Topic]) -> Iterator[Message]:
        wanted = [each for each in self._reader.connections if self._topics[each.id] in topics]
        if not wanted:  # the library takes it for all
            return
        for connection, stamp, octets in until_damage(self._reader.messages(wanted), self._tell):
            yield self._topics[connection.id], stamp, octets

    def close(self) -> None:
        self._reader.close()

    def _tell(self, damage: str) -> None:
        self.damage = damage


def _open(path: Path) -> Part:
    """Raises anything."""
    if path.suffix == PACKED:
        raise ValueError("it is compressed, and no metadata.yaml is here: unpack it with zstd -d")
    if journal := journal_of(path):
        return _open_unfinished(path, advice(path, journal))
    try:
        return IndexedBag(path)
    except Exception:
        if path.suffix != ".mcap":
            raise
        return ScannedFile(path)


def _open_unfinished(path: Path, remedy: str) -> Part:
    """Without its journal where that cannot be read. Raises anything."""
    try:
        return UnfinishedDatabase(path)
    except ValueError as error:
        raise ValueError(f"{error}; {remedy}") from error
    except sqlite3.Error as error:
        try:
            bag = IndexedBag(path)
        except Exception as other:
            raise ValueError(f"{reason(other)}; {remedy}") from error
        bag.damage = f"{reason(error)}; {remedy}"
        return bag


def _files(path: Path) -> Sequence[Path]:
    """In the order in which they were recorded: name_2 before name_10."""
    if not path.is_dir():
        return [path]
    files = [file for file in path.iterdir() if file.suffix in (*STORAGE, PACKED)]
    return sorted(files, key=lambda file: (len(file.name), file.name))


def _topic(connection: Connection) -> Topic:
    definition, extension = connection.msgdef, connection.ext
    qos: Any = getattr(extension, "offered_qos_profiles", ())
    return Topic(
        connection.topic,
        connection.msgtype,
        definition.data,
        FORMS.get(definition.format, ""),
        dump_qos_v8(list(qos)),
    )
