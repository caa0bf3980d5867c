"""Records when the model last made progress, which tells a long job from a hang."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

PASSES_KEPT = 32  # whose median is what a pass usually takes


class Progress:
    """Written by the thread that computes, read by any."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._moved = clock()
        self._seconds: deque[float] = deque(maxlen=PASSES_KEPT)
        self._compiling = False

    def move(self) -> None:
        """Work begins, or a part of it is done."""
        self._moved = self._clock()

    @contextmanager
    def one_pass(self) -> Iterator[None]:
        """A batch goes through the network."""
        self.move()
        began = self._moved
        yield
        self.move()
        self._seconds.append(self._moved - began)

    @contextmanager
    def compiling(self) -> Iterator[None]:
        """Passes are compiled or recorded, which takes as long as it takes."""
        self._compiling = True
        try:
            yield
        finally:
            self._compiling = False
            self.move()

    @property
    def usual(self) -> float:
        """Seconds that a pass takes; 0 before the first one."""
        passes = list(self._seconds)
        return median(passes) if passes else 0.0

    @property
    def stands_since(self) -> float:
        """Seconds since the work went on; 0 while passes are compiled."""
        return 0.0 if self._compiling else self._clock() - self._moved
