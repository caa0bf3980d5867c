"""Durations of interleaved calls, so that a ratio compares the same moments of the machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class BenchmarkRow:
    """A call to be timed. name: unique in its group. includes: what its time is of, in words."""

    name: str
    includes: str
    call: Callable[[], object]


@dataclass(frozen=True)
class Group:
    """Rows that are timed interleaved, after `title`; ratios are to the rows named `references`."""

    title: str
    rows: Sequence[BenchmarkRow]
    references: Sequence[str] = ()


@dataclass(frozen=True)
class Durations:
    """The durations of one row, in milliseconds of wall-clock time.

    processor: median of what all threads of the process used; on a busy machine it says more.
    """

    median: float
    p95: float
    p99: float
    processor: float
    runs: int

    @classmethod
    def of(cls, seconds: np.ndarray) -> Durations:
        """seconds: [runs, 2], by the clock and of the processor."""
        median, p95, p99 = (1e3 * np.percentile(seconds[:, 0], (50, 95, 99))).tolist()
        return cls(median, p95, p99, 1e3 * float(np.median(seconds[:, 1])), len(seconds))


def interleave(rows: Sequence[BenchmarkRow], runs: int, warm_up: int) -> Iterator[np.ndarray]:
    """One round after the other: seconds [rows, 2] of each, by the clock and of the processor;
    those of the warm-up are left out."""
    for run in range(warm_up + runs):
        seconds = np.empty((len(rows), 2))
        for index, row in enumerate(rows):
            began = np.array((time.perf_counter(), time.process_time()))
            row.call()
            seconds[index] = (time.perf_counter(), time.process_time()) - began
        if run >= warm_up:
            yield seconds
