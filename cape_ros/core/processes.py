"""Ends a process without the interpreter's shutdown, which takes seconds with PyTorch loaded."""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import sys
from contextlib import suppress
from typing import NoReturn

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
