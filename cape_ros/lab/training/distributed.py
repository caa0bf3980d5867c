"""Data-parallel training in one process or in those of torchrun."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

import torch
import torch.distributed as dist
from torch import Tensor

from cape_ros.core import hangup
from cape_ros.perception.inference.device import find_device


@dataclass(frozen=True)
class Team:
    """This process is number `rank` of `size`; the first one writes and talks."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def total(self, tensor: Tensor) -> Tensor:
        """The sum of all processes' tensors (all-reduce), without a gradient."""
        if self.size == 1:
            return tensor
        summed = tensor.detach().clone()
        dist.all_reduce(summed)
        return summed

    def mean(self, tensor: Tensor) -> Tensor:
        return self.total(tensor) / self.size

    def wait(self) -> None:
        """Wait for all processes (barrier)."""
        if self.size > 1:
            dist.barrier()


@contextmanager
def gather(device: str) -> Iterator[tuple[Team, torch.device]]:
    """This process's team, and the device it computes on. torchrun says who is in the team.

    Raises `DeviceError` if the device is not available.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    local = os.environ.get("LOCAL_RANK", "0")
    torch_device = find_device(device)
    if size == 1:
        yield Team(), torch_device
        return
    if torch_device.type == "cuda":
        torch_device = find_device(f"cuda:{local}")
        torch.cuda.set_device(torch_device)
    dist.init_process_group("nccl" if torch_device.type == "cuda" else "gloo")
    try:
        yield Team(dist.get_rank(), size), torch_device
    finally:
        dist.destroy_process_group()


class StopSignal:
    """Ctrl-C, a polite end and the end of the terminal are remembered, so that the step that is
    under way is finished and saved; a second Ctrl-C ends at once."""

    def __init__(self) -> None:
        self.number = 0

    def __enter__(self) -> StopSignal:
        kinds = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hangup.is_heeded() else [])]
        self._before = {kind: signal.getsignal(kind) for kind in kinds}
        for kind in self._before:
            signal.signal(kind, self._note)
        return self

    def __exit__(self, *exception: object) -> None:
        for kind, handler in self._before.items():
            signal.signal(kind, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.number = number
        if number == signal.SIGHUP:  # comes twice: from the system, and from the shell
            hangup.leave_terminal()
        else:
            signal.signal(number, self._before[signal.Signals(number)])


def quiet(worker: int) -> None:
    """A worker of a loader leaves Ctrl-C and polite ends to the process that it works for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
