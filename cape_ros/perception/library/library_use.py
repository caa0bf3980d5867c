"""Detects another program that serves the same library: neither sees the other's changes."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from contextlib import suppress
from pathlib import Path

LOCK = ".in_use"  # held as long as a program serves the library; says who it is
MAX_HOLDER_BYTES = 500  # octets of it that count


class LibraryUse:
    """Holds the lock of a library until `close`, unless another program holds it.

    who: this program, for a person. Never waits; on a file system without locks nothing is noticed.
    """

    def __init__(self, root: Path, who: str) -> None:
        self.root = root
        self._who = who
        self._lock: int | None = None
        self._held = False
        with suppress(OSError):
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            self._lock = os.open(root / LOCK, flags, 0o644)

    @property
    def other(self) -> str | None:
        """The other program that serves this library now; None if none is known."""
        if self._lock is None or self._held:
            return None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                return None
            return self._read() or "another program"
        self._held = True
        with suppress(OSError):
            holder = f"{self._who} (process {os.getpid()} on {socket.gethostname()})"
            os.ftruncate(self._lock, 0)
            os.pwrite(self._lock, holder.encode()[:MAX_HOLDER_BYTES], 0)
        return None

    def close(self) -> None:
        """Idempotent."""
        lock, self._lock, self._held = self._lock, None, False
        if lock is not None:
            os.close(lock)

    def _read(self) -> str:
        assert self._lock is not None
        with suppress(OSError):
            holder = os.pread(self._lock, MAX_HOLDER_BYTES, 0).decode(errors="replace")
            return holder if holder.isprintable() else ""
        return ""
