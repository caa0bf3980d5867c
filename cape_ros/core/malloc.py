"""Tunes glibc malloc for large, short-lived image buffers, and frees unused memory."""

from __future__ import annotations

import ctypes
import gc
import sys

# Of glibc's mallopt.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -2, -3, -8


def keep_frames_mapped() -> None:
    """Do not give the memory of each frame back to the kernel and take it again for the next.

    Of 3 MB that costs some milliseconds a frame. Threads share what is kept. For the whole process;
    nothing without glibc.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, 32 << 20)
        mallopt(_M_TRIM_THRESHOLD, 256 << 20)
        mallopt(_M_TOP_PAD, 64 << 20)
        mallopt(_M_ARENA_MAX, 2)


def free_memory() -> None:
    """Return unreferenced memory to the kernel and the GPU, as after a model's end."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim is not None:  # glibc
        malloc_trim(0)
