from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mcap_recording
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcap.reader import make_reader
from mcap_recording import Recording, Topic

DEFINITION = "string data\n"
POINTS = Topic("/points", "std_msgs/msg/String", DEFINITION)
NAMES = Topic("/names", "std_msgs/msg/String", DEFINITION, latched=True)
SIZE = 10_000
NOW = 1_700_000_000 * 10**9


def noise(seed: int) -> bytes:
    """What zstd cannot make smaller."""
    return np.random.default_rng(seed).bytes(SIZE)


def read(path: Path) -> list[tuple[str, bytes]]:
    """Topics and octets in the order of the file, everything in it checked."""
    with path.open("rb") as file:
        reader = make_reader(file, validate_crcs=True)
        assert reader.get_header().profile == "ros2"
        found = []
        for schema, channel, message in reader.iter_messages(log_time_order=False):
            assert schema is not None
            assert (schema.name, schema.encoding) == ("std_msgs/msg/String", "ros2msg")
            assert schema.data.decode() == DEFINITION
            assert channel.message_encoding == "cdr"
            found.append((channel.topic, message.data))
        return found


def is_indexed(path: Path) -> bool:
    with path.open("rb") as file:
        return make_reader(file).get_summary() is not None


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcap_recording, "PAUSE", 0.0)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A disk whose free bytes a test can change."""
    usage = SimpleNamespace(free=10**9)
    monkeypatch.setattr(mcap_recording.shutil, "disk_usage", lambda _: usage)
    return usage


@given(
    st.lists(st.tuples(st.sampled_from([POINTS, NAMES]), st.binary(max_size=300)), max_size=30),
    st.integers(1, 3000),
)
def test_everything_comes_back_in_order_and_each_file_knows_the_names(
    tmp_path_factory: pytest.TempPathFactory, messages: list[tuple[Topic, bytes]], most: int
) -> None:
    recording = Recording(tmp_path_factory.mktemp("recording"), most, 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mcap_recording, "CHUNK", 500)
        for i, (topic, octets) in enumerate(messages):
            recording.write(topic, octets, NOW + i * 1_000_000)
        recording.close()
    assert recording.messages == len(messages)
    expected = iter([(topic.name, octets) for topic, octets in messages])
    names = None
    for path in sorted(recording.folder.iterdir()):
        assert path.stat().st_size < most + 3000
        assert is_indexed(path)
        found = read(path)
        if names and found[0] == names and len(found) > 1:
            del found[0]  # what is repeated
        for message in found:
            assert message == next(expected)
            names = message if message[0] == NAMES.name else names
    assert next(expected, None) is None


def test_a_new_file_begins_with_the_last_names(tmp_path: Path) -> None:
    recording = Recording(tmp_path, 1, 0)  # a file for each message
    for i, (topic, octets) in enumerate(
        [(NAMES, b"1"), (POINTS, b"2"), (NAMES, b"3"), (POINTS, b"4")]
    ):
        recording.write(topic, octets, NOW + i * 10**9)
    files = [read(path) for path in sorted(tmp_path.iterdir())]
    assert files == [
        [("/names", b"1")],
        [("/names", b"1"), ("/points", b"2")],
        [("/names", b"3")],
        [("/names", b"3"), ("/points", b"4")],
    ]


def test_room_is_left_on_the_disk(tmp_path: Path, disk: Any, no_pause: None) -> None:
    recording = Recording(tmp_path, 10**9, 10**6)
    recording.write(POINTS, b"1", NOW)
    disk.free = 10**6 - 1
    for _ in range(3):
        with pytest.raises(OSError, match="0 MB left, and 1 MB are to stay free"):
            recording.write(POINTS, b"lost", NOW)
    (path,) = tmp_path.iterdir()
    assert read(path) == [("/points", b"1")]
    assert is_indexed(path)
    disk.free = 10**9
    recording.write(POINTS, b"2", NOW + 10**9)
    recording.close()
    assert [read(path) for path in sorted(tmp_path.iterdir())][1] == [("/points", b"2")]


def test_it_waits_before_it_tries_again(tmp_path: Path, disk: Any) -> None:
    recording = Recording(tmp_path, 10**9, 10**6)
    disk.free = 0
    with pytest.raises(OSError, match="stay free"):
        recording.write(POINTS, b"1", NOW)
    disk.free = 10**9
    with pytest.raises(OSError, match="waits for room"):
        recording.write(POINTS, b"2", NOW)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def file_limit() -> Iterator[Any]:
    """A function that sets how many bytes a file may have; more fail as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda most: resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("room", [50, 5_000, 1_000_000, 1_234_567])
def test_a_file_that_could_not_be_written_to_its_end_can_be_read(
    tmp_path: Path, file_limit: Any, room: int
) -> None:
    recording = Recording(tmp_path, 10**9, 0)
    written: list[tuple[str, bytes]] = []

    def write_until_it_fails() -> None:
        while True:
            octets = noise(len(written))
            recording.write(POINTS, octets, NOW + len(written))
            written.append(("/points", octets))

    file_limit(room)
    with pytest.raises(OSError, match="too large"):
        write_until_it_fails()
    file_limit(resource.RLIM_INFINITY)
    recording.close()
    assert len(written) == pytest.approx(room / SIZE, abs=30)
    if room < SIZE:
        assert not list(tmp_path.iterdir())
    else:
        (path,) = tmp_path.iterdir()
        kept = read(path)
        assert kept == written[: len(kept)]
        assert len(kept) >= len(written) - 30  # the last chunk is lost


def test_an_end_that_cannot_be_written_is_told(tmp_path: Path, file_limit: Any) -> None:
    recording = Recording(tmp_path, 10**9, 0)
    for i in range(4):
        recording.write(POINTS, noise(i), NOW + i)
    file_limit(12_000)
    with pytest.raises(OSError, match="too large"):
        recording.close()
    (path,) = tmp_path.iterdir()
    assert read(path) == [("/points", noise(0))]
    recording.close()
