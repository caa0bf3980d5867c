"""Decides whether waiting for a camera's next frame gives a fresher result."""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from statistics import median

INTERVALS_KEPT = 8  # between arrivals; their median is the period of the camera
MAX_WAIT = 1 / 8  # max. wait, as a fraction of the inference time
LATE_TOLERANCE = 1 / 4  # of a period: how late a frame may come


class FramePacer:
    """The pace of one camera; all times by one clock, in seconds."""

    def __init__(self) -> None:
        self._arrivals: deque[float] = deque(maxlen=INTERVALS_KEPT + 1)

    def see(self, arrival: float) -> None:
        """Record the arrival of a frame, in seconds."""
        self._arrivals.append(arrival)

    def wait_time(self, now: float, inference_time: float) -> float:
        """How long to wait for a newer frame than the last; 0 = take the last one.

        inference_time: of the last frame. A frame is worth waiting for if it is due before the last
        one has doubled its age and the camera is regular: otherwise its arrival is unpredictable. A
        slow camera that stops must not hold up the model for a part of its period.
        """
        if len(self._arrivals) <= INTERVALS_KEPT:
            return 0.0
        gaps = [later - earlier for earlier, later in pairwise(self._arrivals)]
        period, age = median(gaps), now - self._arrivals[-1]
        due = period - age
        if max(gaps) - min(gaps) > period / 2 or not 0 < due <= min(age, MAX_WAIT * inference_time):
            return 0.0
        return due + min(LATE_TOLERANCE * period, MAX_WAIT * inference_time)
