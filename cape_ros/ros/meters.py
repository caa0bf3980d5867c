"""Counts of a camera's inputs and outputs for diagnostics."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

KEPT = 512  # durations and ages, of which percentiles are made
FEW = 16  # of them that tell what is so now
NANOSECONDS = 10**9


def nanoseconds(stamp: Any) -> int:
    """The nanoseconds of a builtin_interfaces/Time."""
    return int(stamp.sec) * NANOSECONDS + int(stamp.nanosec)


def percentiles(seconds: Sequence[float]) -> tuple[float, float] | None:
    """Median and 95th percentile, None of nothing."""
    if not seconds:
        return None
    median, p95 = np.percentile(np.fromiter(seconds, float), (50, 95))
    return float(median), float(p95)


class StampWatch:
    """Notices header stamps that are zero, that of the image before, or earlier than it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.zeros = 0
        self.repeated = 0
        self.jumps = 0
        self.last_jump: float | None = None  # by the clock, in seconds
        self.last_zero: float | None = None
        self._clock = clock
        self._before = 0

    def see(self, stamp: int) -> int | None:
        """stamp: in nanoseconds. The stamp before, if this one jumped back from it."""
        if stamp == 0:
            self.zeros += 1
            self.last_zero = self._clock()
            return None
        before, self._before = self._before, stamp
        self.repeated += stamp == before
        if stamp >= before:
            return None
        self.jumps += 1
        self.last_jump = self._clock()
        return before


class NumberWatch:
    """Counts the numbers that are left out between two images: lost, or superseded by a newer one
    before the node took them."""

    def __init__(self) -> None:
        self.missed = 0
        self._last: int | None = None

    def see(self, number: int | None, publishers: Callable[[], int]) -> None:
        """publishers: how many there are, each with numbers of its own; with several, what
        is missing is unknown."""
        last, self._last = self._last, number
        if number is None or last is None:
            return
        left_out = number - last - 1  # negative: another publisher
        if left_out > 0 and publishers() <= 1:
            self.missed += left_out

    def restart(self) -> None:
        """Count no gap over a pause of the subscription."""
        self._last = None


@dataclass
class SpaceMeter:
    """One camera's figures in space; the thread of its 3-D results writes them.

    depth: depth images that came. results: published. without_depth: results whose depth image did
    not come in time. skipped: results that others overtook. faults: what keeps results from being
    whole now, by what it is about. refused: poses, by the reason. took: [s] for each object.
    """

    depth: int = 0
    results: int = 0
    without_depth: int = 0
    skipped: int = 0
    faults: dict[str, str] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    took: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT))


class CameraMeter:
    """One camera's figures; its own thread writes the inputs, the model's thread the outputs."""

    def __init__(self) -> None:
        self.stamps = StampWatch()
        self.numbers = NumberWatch()
        self.images = 0  # that arrived, good or bad
        self.refused = 0  # of those
        self.lost = 0  # images that the middleware knows were lost on the way
        self.published = 0
        self.unmatched = 0  # images whose boxes never came
        self.receive: deque[float] = deque(maxlen=KEPT)  # [s] from callback to the server
        self.ages: deque[float] = deque(maxlen=KEPT)  # [s] of the image when its result went out
        self.arrival_ages: deque[float] = deque(maxlen=FEW)  # [s] of the image when it came
        self.qos: dict[str, str] = {}  # by topic: what does not fit
        self.camera_info = False
        self.camera_info_fault = ""  # why it cannot be used
        self.space = SpaceMeter()
        self.failed_outputs: dict[str, int] = {}  # by name: how often it raised

    @property
    def superseded(self) -> int:
        """Images that came, but a newer one was there before the node took them."""
        return max(0, self.numbers.missed - self.lost)

    @property
    def sent_to(self) -> int:
        """Images that the cameras published while the node listened, as far as it can know."""
        return self.images + self.lost + self.superseded

    def arrived(self, stamp: int, now: int) -> None:
        """Count an image; times as in `sent`. A clock that stands at zero gives no age."""
        self.images += 1
        if stamp and now:
            self.arrival_ages.append((now - stamp) / NANOSECONDS)

    def received(self, began: float) -> None:
        self.receive.append(time.monotonic() - began)

    def sent(self, stamp: int, now: int) -> None:
        """Count a result; times in nanoseconds of the node's clock, a zero stamp has no age."""
        self.published += 1
        if stamp:
            self.ages.append((now - stamp) / NANOSECONDS)


class Rate:
    """Events per second over the last seconds, from a count that only grows."""

    def __init__(self, window: float = 5.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._window = window
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque([(clock(), 0)])

    def __call__(self, count: int) -> float:
        """count: as it is now."""
        now = self._clock()
        self._seen.append((now, count))
        while len(self._seen) > 2 and now - self._seen[1][0] >= self._window:
            self._seen.popleft()
        began, before = self._seen[0]
        return (count - before) / (now - began) if now > began else 0.0
