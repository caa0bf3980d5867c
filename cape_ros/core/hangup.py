"""The end of a program's terminal: its window is closed, or the connection to it breaks."""

from __future__ import annotations

import os
import signal
import stat
import threading
from collections.abc import Callable
from contextlib import suppress

STREAMS = 1, 2  # standard output and error


def is_heeded() -> bool:
    """Not below `nohup`, or whatever else keeps a program going without a terminal."""
    return signal.getsignal(signal.SIGHUP) != signal.SIG_IGN


def on_hangup(action: Callable[[], object]) -> None:
    """From now on the end of the terminal calls `action`, instead of killing this process. Of the
    main thread only."""

    def handle(*_: object) -> None:
        leave_terminal()
        action()

    if threading.current_thread() is threading.main_thread() and is_heeded():
        signal.signal(signal.SIGHUP, handle)


def leave_terminal() -> None:
    """What is printed to it from now on is lost: writing would fail, and break off the end."""
    for stream in STREAMS:
        with suppress(OSError):
            if stat.S_ISCHR(os.fstat(stream).st_mode):
                nothing = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nothing, stream)
                os.close(nothing)
