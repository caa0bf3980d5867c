"""Keeps other processes from changing a library meanwhile, without waiting for one for ever."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cape_ros.core.errors import LibraryError

PATIENCE = 5.0  # [s]; who writes is done by then, who is stopped is not
POLL_INTERVAL = 0.02  # [s]
WITHOUT_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)  # of some network disks

logger = logging.getLogger(__name__)


@contextmanager
def locked(path: Path, needed: bool = True) -> Iterator[bool]:
    """Holds the lock file; yields whether it does.

    Raises `LibraryError` if another program holds it for longer than `PATIENCE`, and `OSError`
    where no file can be locked; not `needed`: goes on without, and logs who holds it.
    """
    lock = None
    try:
        try:
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            held = _take(lock)
        except OSError:
            if needed:
                raise
            held = False
        else:
            if not held:
                reason = f"another program holds {path} for more than {PATIENCE:.0f} s"
                reason += f"{_holder(lock)}; end it if it hangs"
                if needed:
                    raise LibraryError(f"{reason}; nothing was changed")
                logger.warning("%s; the library is read all the same", reason)
        yield held
    finally:
        if lock is not None:
            os.close(lock)


def _take(lock: int) -> bool:
    """Whether it could be locked in time."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                return False
            time.sleep(POLL_INTERVAL)
        except OSError as error:
            if error.errno in WITHOUT_LOCKS:
                reason = f"{error.strerror}: files cannot be locked there; choose another disk"
                raise OSError(error.errno, reason) from error
            raise
        else:
            return True


def _holder(lock: int) -> str:
    """The process that holds it, where Linux tells."""
    inode = f":{os.fstat(lock).st_ino}"
    try:
        lines = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    except OSError:
        return ""
    found = [words[4] for words in lines if words[1] == "FLOCK" and words[5].endswith(inode)]
    return f" (process {found[0]})" if found else ""
