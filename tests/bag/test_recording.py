"""Recordings as ROS 2 leaves them: any storage, any compression, several files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("rosbags")
pytest.importorskip("mcap")

from mcap.writer import Writer as McapWriter
from recordings import BEGIN, TYPES, record, text
from rosbags.interfaces import (
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import CompressionFormat, CompressionMode, Reader, StoragePlugin, Writer

from cape_ros.bag.mcap_file import McapFile, new_mcap_file
from cape_ros.bag.recording import Recording
from cape_ros.bag.topic import Topic
from cape_ros.core.errors import SourceError

WORDS = "std_msgs/msg/String"
FOREVER = QosTime(0, 0)
LATCHED = Qos(
    history=QosHistory.KEEP_LAST,
    depth=1,
    reliability=QosReliability.RELIABLE,
    durability=QosDurability.TRANSIENT_LOCAL,
    deadline=FOREVER,
    lifespan=FOREVER,
    liveliness=QosLiveliness.AUTOMATIC,
    liveliness_lease_duration=FOREVER,
    avoid_ros_namespace_conventions=False,
)


def octets(words: str) -> bytes:
    return bytes(TYPES.serialize_cdr(text(words), WORDS))


def read(path: Path) -> list[tuple[str, int, bytes]]:
    with Recording(path) as recording:
        found = [(t.name, at, bytes(content)) for t, at, content in messages(recording)]
        assert not recording.damage
        assert sum(recording.topics.values()) == len(found)
    return found


def messages(recording: Recording) -> Iterator[tuple[Topic, int, bytes]]:
    return recording.messages(list(recording.topics))


@pytest.mark.parametrize(
    ("storage", "mode"),
    [
        *((StoragePlugin.SQLITE3, CompressionMode[mode]) for mode in ("NONE", "FILE", "MESSAGE")),
        *((StoragePlugin.MCAP, mode) for mode in CompressionMode),
    ],
)
def test_every_storage_and_compression(
    storage: StoragePlugin, mode: CompressionMode, tmp_path: Path
) -> None:
    source, copied = tmp_path / "source", tmp_path / "copied.mcap"
    writer = Writer(source, version=9, storage_plugin=storage)
    writer.set_compression(mode, CompressionFormat.ZSTD)
    sent = [("/words", BEGIN + number, octets(f"word {number}")) for number in range(3)]
    with writer:
        topic = writer.add_connection(
            "/words", WORDS, typestore=TYPES, offered_qos_profiles=[LATCHED]
        )
        for _, at, content in sent:
            writer.write(topic, at, content)
    assert read(source) == sent
    with Recording(source) as recording, new_mcap_file(copied) as file:
        for each in messages(recording):
            file.write(*each)
    with Reader(copied) as reader:
        (connection,) = reader.connections
        assert connection.msgtype == WORDS
        assert connection.msgdef.data == "string data\n"
        assert connection.ext.offered_qos_profiles == [LATCHED]
        assert [(c.topic, at, bytes(d)) for c, at, d in reader.messages()] == sent


@pytest.mark.parametrize("storage", ["sqlite3", "mcap"])
def test_files_without_metadata_in_the_order_in_which_they_were_recorded(
    storage: str, tmp_path: Path
) -> None:
    folder = tmp_path / "drive"
    folder.mkdir()
    for number in (10, 2, 0):
        part = record(
            tmp_path / f"part_{number}", storage, [("/words", BEGIN + number, text("word"))]
        )
        (file,) = [path for path in part.iterdir() if path.suffix in (".mcap", ".db3")]
        shutil.copy(file, folder / f"drive_{number}{file.suffix}")
    assert [at - BEGIN for _, at, _ in read(folder)] == [0, 2, 10]


def test_a_file_that_the_metadata_names_and_that_is_gone_is_told(tmp_path: Path) -> None:
    source = record(tmp_path / "drive", "mcap", [("/words", BEGIN, text("word"))])
    (file,) = source.glob("*.mcap")
    file.rename(source / "other.mcap")
    with Recording(source) as recording:
        assert [at for _, at, _ in messages(recording)] == [BEGIN]
        (damage,) = recording.damage
    assert "drive.mcap" in damage


def test_compressed_files_without_metadata_are_told(tmp_path: Path) -> None:
    """A recorder that compresses file by file, and was killed, leaves the last one as it is."""
    source = record(tmp_path / "drive", "mcap", [("/words", BEGIN, text("word"))])
    (source / "metadata.yaml").unlink()
    (source / "earlier.mcap.zstd").write_bytes(b"\x28\xb5\x2f\xfd")
    with Recording(source) as recording:
        assert [at for _, at, _ in messages(recording)] == [BEGIN]
        (damage,) = recording.damage
    assert "earlier.mcap.zstd: it is compressed" in damage
    (source / "drive.mcap").unlink()
    with pytest.raises(SourceError, match="unpack it with zstd -d"):
        Recording(source)


@contextmanager
def mcap_file(path: Path, profile: str) -> Iterator[McapFile]:
    with path.open("wb") as stream:
        writer = McapWriter(stream)
        writer.start(profile=profile)
        yield McapFile(writer)
        writer.finish()


def test_an_mcap_file_of_another_program(tmp_path: Path) -> None:
    """Not all name the profile of ROS 2; what is not in CDR is left alone."""
    path, topic = tmp_path / "drive.mcap", Topic("/words", WORDS, "string data\n")
    with mcap_file(path, "") as file:
        file.write(topic, BEGIN, octets("word"))
    assert read(path) == [("/words", BEGIN, octets("word"))]


def test_a_recording_of_ros_1_is_refused(tmp_path: Path) -> None:
    path, topic = tmp_path / "drive.mcap", Topic("/words", "std_msgs/String", "string data\n")
    with mcap_file(path, "ros1") as file:
        file.write(topic, BEGIN, b"")
    with pytest.raises(SourceError, match=r"drive\.mcap: no recording of ROS 2 .*ROS 1"):
        Recording(path)
