"""A .db3 file with a journal of SQLite beside it, which a recorder leaves that was killed.

What was recorded last is in `FILE-wal` alone; the library that reads finished files leaves it out.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

from rosbags.rosbag2.metadata import dump_qos_v8, parse_qos

from cape_ros.bag.topic import Message, Topic, until_damage

ENDINGS = "-wal", "-journal"
PACKED = b"\x28\xb5\x2f\xfd"  # how a message begins that the recorder has compressed


def journal_of(path: Path) -> Path | None:
    """The journal beside a .db3 file, if there is one with content."""
    if path.suffix != ".db3":
        return None
    for ending in ENDINGS:
        beside = path.with_name(path.name + ending)
        if beside.is_file() and beside.stat().st_size:
            return beside
    return None


def advice(path: Path, journal: Path) -> str:
    """What puts both together: SQLite does, once somebody opens the file who may write."""
    command = f"sqlite3 {path.name} 'SELECT count(*) FROM messages'"
    return f"{journal.name} holds changes beside it; `{command}` puts both together"


class UnfinishedDatabase:
    """Raises `sqlite3.Error` where the journal cannot be read, and ValueError where messages are
    compressed. damage: why not all of it could be read, "" if all could."""

    def __init__(self, path: Path) -> None:
        self.damage = ""
        # A recorder may still be writing. SQLite itself reads the journal; nothing is changed.
        place = f"file:{quote(str(path.absolute()))}?mode=ro"
        self._file = sqlite3.connect(place, uri=True, check_same_thread=False)
        try:
            self._numbers = dict(self._read_topics())
            self.topics: Mapping[Topic, int] = self._count()
            first = self._file.execute("SELECT data FROM messages LIMIT 1").fetchone()
            if first and bytes(first[0]).startswith(PACKED):
                raise ValueError("its messages are compressed")
        except BaseException:
            self.close()
            raise

    def messages(self, topics: Collection[Topic]) -> Iterator[Message]:
        wanted = {number: topic for topic, number in self._numbers.items() if topic in topics}
        marks = ", ".join("?" * len(wanted))
        rows = self._file.execute(
            "SELECT topic_id, timestamp, data FROM messages "
            f"WHERE topic_id IN ({marks}) ORDER BY timestamp",
            list(wanted),
        )
        for number, stamp, octets in until_damage(rows, self._tell):
            yield wanted[number], stamp, octets

    def close(self) -> None:
        self._file.close()

    def _read_topics(self) -> Iterator[tuple[Topic, int]]:
        """With their numbers; earlier recorders had fewer columns and tables."""
        columns = {row[1] for row in self._file.execute("PRAGMA table_info(topics)")}
        qos = "offered_qos_profiles" if "offered_qos_profiles" in columns else "''"
        definitions = dict(self._read_definitions())
        topics = self._file.execute(f"SELECT id, name, type, {qos} FROM topics ORDER BY id")
        for number, name, kind, offered in topics.fetchall():
            form, definition = definitions.get(kind, ("", ""))
            profiles = dump_qos_v8(parse_qos(offered)) if offered else dump_qos_v8([])
            yield Topic(name, kind, definition, form, profiles), number

    def _read_definitions(self) -> Iterator[tuple[str, tuple[str, str]]]:
        if self._file.execute("PRAGMA table_info(message_definitions)").fetchone():
            yield from (
                (kind, (form, definition))
                for kind, form, definition in self._file.execute(
                    "SELECT topic_type, encoding, encoded_message_definition "
                    "FROM message_definitions"
                )
            )

    def _count(self) -> Mapping[Topic, int]:
        counts = dict(
            self._file.execute("SELECT topic_id, count(*) FROM messages GROUP BY topic_id")
        )
        return {topic: counts.get(number, 0) for topic, number in self._numbers.items()}

    def _tell(self, damage: str) -> None:
        self.damage = damage
