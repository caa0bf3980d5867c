"""Ends a process without the interpreter's shutdown, which takes seconds with PyTorch loaded, and
also while a thread of it hangs."""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

GRACE = 4.5  # [s] to end after a signal; its sender sends SIGKILL after five or ten
POLL_INTERVAL = 0.1  # [s]
INTERRUPTED = 130  # exit status of a program that a Ctrl-C ended


def leave(status: int) -> NoReturn:
    """End this process now, once everything is closed, without the interpreter's shutdown.

    With PyTorch loaded that takes longer than `ros2 launch` waits on a busy machine.
    """
    gc.collect()  # rclpy's services leave the network when they are collected
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    ctypes.CDLL(None).fflush(None)  # what C code has written
    os._exit(status)


@contextmanager
def ends_when_told(told: Callable[[], bool], name: str) -> Iterator[None]:
    """Ends this process with status 1 if the block goes on for `GRACE` seconds after it was told to
    end, and prints where its threads hang.

    name: of the program.
    """
    ended = threading.Event()

    def watch() -> None:
        while not told():
            if ended.wait(POLL_INTERVAL):
                return
        if ended.wait(GRACE):
            return
        print(f"{name}: it hangs, and is ended where it is:", file=sys.stderr, flush=True)
        faulthandler.dump_traceback()
        os._exit(1)

    threading.Thread(target=watch, name="end", daemon=True).start()
    try:
        yield
    finally:
        ended.set()
