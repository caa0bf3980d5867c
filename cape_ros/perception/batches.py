"""Batches as large as the device has memory for."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

import torch

from cape_ros.errors import DeviceError

LARGEST_BATCH = 32  # samples in one pass; more are split

T = TypeVar("T")
logger = logging.getLogger(__name__)


class Batches:
    """largest: samples in one pass; halved whenever the GPU's memory is not enough for them."""

    def __init__(self, device: torch.device):
        self.largest = LARGEST_BATCH
        self._device = device

    def run(
        self, count: int, run: Callable[[slice], T], most: int = LARGEST_BATCH
    ) -> list[tuple[slice, T]]:
        """What `run` makes of all samples: a few at a time, at most `most`.

        Raises `DeviceError` if the memory does not even hold one.
        """
        done: list[tuple[slice, T]] = []
        at = 0
        while at < count:
            some = slice(at, min(count, at + most, at + self.largest))
            try:
                done.append((some, run(some)))
            except torch.cuda.OutOfMemoryError as error:
                self._halve(error)
            else:
                at = some.stop
        return done

    def _halve(self, error: torch.cuda.OutOfMemoryError) -> None:
        if self.largest == 1:
            raise DeviceError(
                f"{self._device} has no memory left for one object; end what else uses it, or "
                f"choose another device ({error})"
            ) from error
        if self.largest == LARGEST_BATCH:
            logger.warning(
                "%s is short of memory: objects are looked at in smaller batches", self._device
            )
        self.largest //= 2
        torch.cuda.empty_cache()
