"""Tunes CPython for a process that answers frames while others send it large messages."""

from __future__ import annotations

import gc
import sys

SWITCH_INTERVAL = 2e-4  # [s] after which a thread gives way; the default of 5 ms holds up each step
OBJECTS_BEFORE_A_COLLECTION = 50_000  # a message of 500,000 keypoints took a third longer with 700


def give_way_to_frames() -> None:
    """Let the model's thread go on while a large message is made into objects.

    rclpy makes an object of each element of a message, in one go. For the whole process.
    """
    sys.setswitchinterval(SWITCH_INTERVAL)
    gc.collect()
    gc.freeze()  # what the imports made stays
    gc.set_threshold(OBJECTS_BEFORE_A_COLLECTION, 20, 20)
