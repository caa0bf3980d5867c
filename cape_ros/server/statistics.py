"""Counts of frame outcomes and refused inputs, and times of the stages."""

from __future__ import annotations

import re
from collections import Counter, defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cape_ros.core.errors import CapeError, InvalidInput

LATENCIES_KEPT = 512  # frames
STAGES = ("wait", "preprocess", "network", "publish", "total")
Outcome = Literal["dropped", "paused", "answered", "failed"]


@dataclass(frozen=True)
class CameraCounts:
    """Frames of a camera by outcome: `received` is the sum of all the others.

    dropped: superseded or cancelled. paused: arrived while paused, or was paused before its result.
    answered: a result was handed on. failed: processing raised. pending: queued or in progress.
    """

    received: int = 0
    dropped: int = 0
    paused: int = 0
    answered: int = 0
    failed: int = 0
    pending: int = 0


@dataclass(frozen=True)
class Percentiles:
    """Percentiles of a time in seconds; nan before the first frame."""

    median: float
    p95: float


@dataclass(frozen=True)
class Statistics:
    """Since the start. The stages are those of the last few hundred frames that were published.

    rejected: refused inputs by field. failures: of the model, and of what hears its results, by
    type of error.
    stages: wait (from a frame's arrival until the model begins with it), preprocess (cut and
    upload), network, publish (the listener to the results), total (all of it, from the arrival).
    """

    cameras: Mapping[str, CameraCounts]
    rejected: Mapping[str, int]
    failures: Mapping[str, int]
    stages: Mapping[str, Percentiles]

    @property
    def received(self) -> int:
        """Frames of all cameras that arrived."""
        return sum(counts.received for counts in self.cameras.values())

    @property
    def dropped(self) -> int:
        """Frames of all cameras that were superseded or cancelled."""
        return sum(counts.dropped for counts in self.cameras.values())

    @property
    def answered(self) -> int:
        """Frames of all cameras whose result was handed on."""
        return sum(counts.answered for counts in self.cameras.values())


class Tally:
    """The mutable counters behind `Statistics`; the owner must hold a lock."""

    def __init__(self) -> None:
        self._cameras: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._rejected: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._seconds: deque[tuple[float, ...]] = deque(maxlen=LATENCIES_KEPT)

    def receive(self, camera: str) -> None:
        """Count a frame that arrives."""
        self._cameras[camera]["received"] += 1

    def end(self, camera: str, outcome: Outcome) -> None:
        """Count the outcome of a frame."""
        self._cameras[camera][outcome] += 1

    def reject(self, error: Exception) -> None:
        """Count a refused input by its kinds."""
        self._rejected.update(kinds(error))

    def model_failed(self, error: BaseException) -> None:
        """Count a failure of the model by its type."""
        self._failures[type(error).__name__] += 1

    def time(self, stages: Mapping[str, float]) -> None:
        """Add the seconds of a published frame, one value for each of `STAGES`."""
        self._seconds.append(tuple(stages[stage] for stage in STAGES))

    def statistics(self, pending: Mapping[str, int]) -> Statistics:
        """A copy of the counts; pending: frames of each camera that are queued or in progress."""
        seconds = np.array(self._seconds or [[np.nan] * len(STAGES)])
        median, p95 = np.percentile(seconds, (50, 95), axis=0)
        return Statistics(
            {
                camera: CameraCounts(**counts, pending=pending.get(camera, 0))
                for camera, counts in self._cameras.items()
            },
            dict(self._rejected),
            dict(self._failures),
            {
                stage: Percentiles(float(median[at]), float(p95[at]))
                for at, stage in enumerate(STAGES)
            },
        )


def kinds(error: Exception) -> list[str]:
    """The kinds of an error: its fields at fault without indices, or its type."""
    if isinstance(error, InvalidInput):
        return sorted({re.sub(r"\[\d+\]", "", fault.field) for fault in error.faults})
    return [type(error).__name__ if isinstance(error, CapeError) else "internal error"]
