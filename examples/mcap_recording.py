"""Messages into MCAP files, without ROS: in a row of files, and careful of a full disk.

The format: https://mcap.dev/spec, and its profile ros2: https://mcap.dev/spec/registry
"""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from mcap.data_stream import RecordBuilder
from mcap.records import DataEnd, Footer
from mcap.writer import MCAP0_MAGIC, Writer

MEGABYTE = 10**6
CHUNK = 256 * 1024  # bytes that a crash may cost
PAUSE = 10.0  # [s] after a file that could not be written


@dataclass(frozen=True)
class Topic:
    """definition: the .msg text of `kind` (as cape_ros/msg/Keypoint) and of all inside it.
    latched: whether its last message is repeated at the beginning of each file."""

    name: str
    kind: str
    definition: str
    latched: bool = False


class Recording:
    """Messages in a row of files, the next one begun when one is full. For one thread."""

    def __init__(self, folder: Path, most_bytes: int, least_free: int) -> None:
        """Raises OSError for a folder that cannot be made."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.messages = 0
        self._most_bytes, self._least_free = most_bytes, least_free
        self._open: tuple[BinaryIO, Writer] | None = None
        self._safe = 0  # bytes of the file that are whole chunks, and on the disk
        self._channels: dict[Topic, int] = {}
        self._latched: dict[Topic, bytes] = {}
        self._not_before = 0.0

    def write(self, topic: Topic, octets: bytes, stamp: int) -> None:
        """octets: the message in CDR. stamp: when it came [ns since 1970].

        Raises OSError if there is no room; the file is then closed, and can be read. Called again,
        it begins the next file as soon as it can.
        """
        if topic.latched:
            self._latched[topic] = octets
        try:
            if not self._open and time.monotonic() < self._not_before:
                raise OSError("waits for room")
            if (free := shutil.disk_usage(self.folder).free) < self._least_free:
                self.close()
                raise OSError(
                    f"{self.folder} has {free // MEGABYTE} MB left, and "
                    f"{self._least_free // MEGABYTE} MB are to stay free"
                )
            if not self._open:
                self._begin(topic, stamp)
            self._add(topic, octets, stamp)
            self.messages += 1
            if self._safe >= self._most_bytes:
                self.close()
        except OSError:
            if time.monotonic() >= self._not_before:
                self._not_before = time.monotonic() + PAUSE
            self._mend()
            raise

    def close(self) -> None:
        """Complete the file. Raises OSError if there is no room even for that."""
        if self._open:
            file, writer = self._open
            try:
                writer.finish()
                file.close()
            except OSError:
                self._mend()
                raise
            self._open = None

    def _begin(self, topic: Topic, stamp: int) -> None:
        moment = datetime.fromtimestamp(stamp / 1e9)
        file = (self.folder / f"cape_{moment:%Y-%m-%d_%H-%M-%S_%f}.mcap").open("xb")
        writer = Writer(file, chunk_size=CHUNK)
        self._open, self._safe, self._channels = (file, writer), 0, {}
        writer.start(profile="ros2")
        for other, octets in self._latched.items():
            if other != topic:
                self._add(other, octets, stamp)

    def _add(self, topic: Topic, octets: bytes, stamp: int) -> None:
        assert self._open
        file, writer = self._open
        if topic not in self._channels:
            schema = writer.register_schema(topic.kind, "ros2msg", topic.definition.encode())
            self._channels[topic] = writer.register_channel(topic.name, "cdr", schema)
        before = file.tell()
        writer.add_message(self._channels[topic], stamp, octets, stamp)
        if not self._safe:
            writer.flush()  # a file that cannot be written fails with its first message
        if file.tell() > before:
            file.flush()
            self._safe = file.tell()

    def _mend(self) -> None:
        """Cut off what a failed write has left, and end the file as the format asks."""
        if not self._open:
            return
        file, _ = self._open
        self._open = None
        with suppress(OSError):
            file.close()
        path = Path(file.name)
        end = RecordBuilder()
        DataEnd(0).write(end)
        Footer(0, 0, 0).write(end)
        with suppress(OSError):
            if not self._safe:
                path.unlink()
                return
            os.truncate(path, self._safe)
            with path.open("ab") as mended:
                mended.write(end.end() + MCAP0_MAGIC)
