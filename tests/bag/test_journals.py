"""Recordings that SQLite has not put together: what was recorded last is in a file beside them."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

pytest.importorskip("rosbags")

from recordings import BEGIN, TYPES, record, text

from cape_ros.bag.recording import Recording
from cape_ros.core.errors import SourceError

WORDS = "std_msgs/msg/String"
Change = Callable[[sqlite3.Connection], object]


def octets(words: str) -> bytes:
    return bytes(TYPES.serialize_cdr(text(words), WORDS))


def two_more(file: sqlite3.Connection) -> None:
    rows = [(1, BEGIN + number, octets(f"word {number}")) for number in (1, 2)]
    file.executemany("INSERT INTO messages(topic_id, timestamp, data) VALUES (?, ?, ?)", rows)


def killed(folder: Path, change: Change = two_more, mode: str = "WAL") -> Path:
    """The recording that a recorder leaves that was killed after `change`, in a mode of SQLite."""
    source = record(folder.with_name("living"), "sqlite3", [("/words", BEGIN, text("word 0"))])
    file = sqlite3.connect(next(source.glob("*.db3")), isolation_level=None)
    try:
        file.execute(f"PRAGMA journal_mode = {mode}")
        file.execute("PRAGMA wal_autocheckpoint = 0")
        file.execute("PRAGMA cache_size = 1")  # so that what is not committed is written
        file.execute("BEGIN")
        change(file)
        if mode == "WAL":
            file.execute("COMMIT")
        shutil.copytree(source, folder)
    finally:
        file.close()
    return folder


def found(path: Path) -> tuple[list[tuple[str, str, int, bytes]], str]:
    with Recording(path) as recording:
        topics = list(recording.topics)
        read = [(t.name, t.kind, at, bytes(data)) for t, at, data in recording.messages(topics)]
        assert sum(recording.topics.values()) == len(read)
        return read, "\n".join(recording.damage)


def words(*numbers: int) -> list[tuple[str, str, int, bytes]]:
    return [("/words", WORDS, BEGIN + number, octets(f"word {number}")) for number in numbers]


@pytest.mark.parametrize("keep", ["all", "no metadata", "no index of the log", "one file"])
def test_what_a_killed_recorder_left_in_the_log_of_sqlite_is_read(
    keep: str, tmp_path: Path
) -> None:
    folder = killed(tmp_path / "drive #1?")
    assert (folder / "living.db3-wal").stat().st_size > 0
    if keep == "no metadata":
        (folder / "metadata.yaml").unlink()
    if keep == "no index of the log":
        (folder / "living.db3-shm").unlink()
    before = (folder / "living.db3").read_bytes(), (folder / "living.db3-wal").read_bytes()
    assert found(folder / "living.db3" if keep == "one file" else folder) == (words(0, 1, 2), "")
    assert before == (
        (folder / "living.db3").read_bytes(),
        (folder / "living.db3-wal").read_bytes(),
    )


def test_definitions_and_qos_are_those_of_a_finished_recording(tmp_path: Path) -> None:
    folder = killed(tmp_path / "drive")
    with Recording(folder) as unfinished, Recording(tmp_path / "living") as finished:
        assert list(unfinished.topics) == list(finished.topics)
        (topic,) = unfinished.topics
    assert topic.definition == "string data\n"


def test_a_recorder_of_foxy_had_other_tables(tmp_path: Path) -> None:
    def as_once(file: sqlite3.Connection) -> None:
        for table in ("message_definitions", "schema", "metadata"):
            file.execute(f"DROP TABLE {table}")
        file.execute("ALTER TABLE topics DROP COLUMN type_description_hash")
        file.execute("ALTER TABLE topics DROP COLUMN offered_qos_profiles")
        two_more(file)

    assert found(killed(tmp_path / "drive", as_once)) == (words(0, 1, 2), "")


def test_the_log_is_read_where_its_index_cannot_be_written(tmp_path: Path) -> None:
    folder = killed(tmp_path / "drive")
    (folder / "living.db3-shm").unlink()
    (folder / "living.db3-shm").mkdir()  # as on a disk that is mounted for reading
    assert found(folder) == (words(0, 1, 2), "")


def test_a_change_that_was_not_finished_is_told(tmp_path: Path) -> None:
    """It is undone by the journal beside the file, whoever opens the file for writing."""

    def much(file: sqlite3.Connection) -> None:
        rows = [(1, BEGIN + number, bytes(5000)) for number in range(1, 200)]
        file.executemany("INSERT INTO messages(topic_id, timestamp, data) VALUES (?, ?, ?)", rows)

    folder = killed(tmp_path / "drive", much, mode="DELETE")
    assert (folder / "living.db3-journal").stat().st_size > 0
    try:
        _, damage = found(folder)
    except SourceError as error:
        damage = str(error)
    assert "living.db3-journal" in damage
    remedy = "SELECT count(*) FROM messages"
    assert f"sqlite3 living.db3 '{remedy}'" in damage
    with closing(sqlite3.connect(folder / "living.db3")) as file:
        assert file.execute(remedy).fetchone() == (1,)
    assert found(folder) == (words(0), "")


def test_messages_that_are_compressed_each_are_refused_by_name(tmp_path: Path) -> None:
    def packed(file: sqlite3.Connection) -> None:
        file.execute("UPDATE messages SET data = ?", (b"\x28\xb5\x2f\xfd" + bytes(20),))

    with pytest.raises(SourceError, match=r"compressed.*sqlite3 living\.db3"):
        found(killed(tmp_path / "drive", packed))


def test_an_empty_log_changes_nothing(tmp_path: Path) -> None:
    folder = record(tmp_path / "drive", "sqlite3", [("/words", BEGIN, text("word 0"))])
    (folder / "drive.db3-wal").touch()
    assert found(folder) == (words(0), "")
    assert sorted(os.listdir(folder)) == ["drive.db3", "drive.db3-wal", "metadata.yaml"]
