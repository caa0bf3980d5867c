"""A camera's rhythm: whether its next frame is so near that it is better than the last one."""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from statistics import median

GAPS = 8  # between arrivals, by which a camera's rate is known
LONGEST = 1 / 8  # of the time of a look: so much of the rate may be given for fresher frames
LATE = 1 / 4  # of a period, by which a frame may come later than it is expected


class Cadence:
    """Of one camera; all times by one clock, in seconds."""

    def __init__(self) -> None:
        self._arrivals: deque[float] = deque(maxlen=GAPS + 1)

    def see(self, arrival: float) -> None:
        self._arrivals.append(arrival)

    def patience(self, now: float, look: float) -> float:
        """How long to wait for a newer frame than the last; 0 = take the last one.

        look: what the model will take for it. Worth the wait is a frame that is due before the last
        one has doubled its age, if the camera is regular: else nobody knows when it comes. A slow
        camera that stops must not hold up the model for a part of its period.
        """
        if len(self._arrivals) <= GAPS:
            return 0.0
        gaps = [later - earlier for earlier, later in pairwise(self._arrivals)]
        period, age = median(gaps), now - self._arrivals[-1]
        due = period - age
        if max(gaps) - min(gaps) > period / 2 or not 0 < due <= min(age, LONGEST * look):
            return 0.0
        return due + min(LATE * period, LONGEST * look)
