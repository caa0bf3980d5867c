"""Splits work into batches that fit the device's memory."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

from cape_ros.core.errors import DeviceError
from cape_ros.perception.inference.progress import Progress

LARGEST_BATCH = 32  # samples in one pass; more are split
BATCH_REGROWTH_INTERVAL = 100  # full batches that must go well before larger ones are tried again

T = TypeVar("T")
logger = logging.getLogger(__name__)


class Batches:
    """largest: samples in one pass; halved whenever the GPU's memory is not enough for them, and
    doubled after `BATCH_REGROWTH_INTERVAL` full batches, since others may have freed memory."""

    def __init__(self, device: torch.device, progress: Progress):
        self.largest = LARGEST_BATCH
        self._progress = progress
        self._device = device
        self._went_well = 0
        self._warned = False

    def run(
        self, count: int, run: Callable[[slice], T], most: int = LARGEST_BATCH
    ) -> Iterator[tuple[slice, T]]:
        """Yields slices of `count` samples, at most `most` at a time, and what `run` makes of each.

        Raises `DeviceError` if the memory does not even hold one.
        """
        at = 0
        while at < count:
            some = slice(at, min(count, at + most, at + self.largest))
            try:
                with self._progress.one_pass():
                    made = run(some)
            except torch.cuda.OutOfMemoryError as error:
                self._halve(error)
            else:
                at = some.stop
                self._grow(some.stop - some.start)
                yield some, made

    def _grow(self, count: int) -> None:
        self._went_well += count == self.largest < LARGEST_BATCH
        if self._went_well >= BATCH_REGROWTH_INTERVAL:
            self.largest, self._went_well = 2 * self.largest, 0

    def _halve(self, error: torch.cuda.OutOfMemoryError) -> None:
        if self.largest == 1:
            raise DeviceError(
                f"{self._device} has no memory left for one object; end what else uses it, or "
                f"choose another device ({error})"
            ) from error
        if not self._warned:
            self._warned = True
            logger.warning(
                "%s is short of memory: objects are looked at in smaller batches", self._device
            )
        self.largest, self._went_well = self.largest // 2, 0
        torch.cuda.empty_cache()
