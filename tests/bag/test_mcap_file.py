"""The file is there whole, or as it was before."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("mcap")

from mcap.reader import make_reader

from cape_ros.bag.mcap_file import McapFile, new_mcap_file
from cape_ros.bag.topic import Topic
from cape_ros.core.errors import SourceError

WORDS = Topic("/words", "std_msgs/msg/String", "string data\n")


@pytest.fixture
def file_limit() -> Iterator[Any]:
    """A function that sets how many bytes a file may have; more fail as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda most: resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_it_replaces_an_older_file_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "new" / "out.mcap"
    path.parent.mkdir()
    path.write_text("older")
    with new_mcap_file(path) as file:
        file.write(WORDS, 1, b"word")
        assert path.read_text() == "older"
    with path.open("rb") as stream:
        (found,) = make_reader(stream, validate_crcs=True).iter_messages()
    schema, channel, message = found
    assert schema is not None
    assert (schema.name, schema.encoding, schema.data) == (WORDS.kind, "ros2msg", b"string data\n")
    assert (channel.topic, channel.message_encoding) == ("/words", "cdr")
    assert (message.log_time, message.data) == (1, b"word")
    assert list(path.parent.iterdir()) == [path]


def test_a_full_disk_leaves_the_older_file(tmp_path: Path, file_limit: Any) -> None:
    path = tmp_path / "out.mcap"
    path.write_text("older")

    def write_much(file: McapFile) -> None:
        for seed in range(100):
            file.write(WORDS, seed, np.random.default_rng(seed).bytes(100_000))

    file_limit(2_000_000)
    with (
        pytest.raises(SourceError, match=r"out\.mcap: cannot be written: File too large"),
        new_mcap_file(path) as file,
    ):
        write_much(file)
    file_limit(resource.RLIM_INFINITY)
    assert path.read_text() == "older"
    assert list(tmp_path.iterdir()) == [path]
