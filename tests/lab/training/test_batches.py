"""Steps prepared ahead by other processes."""

from __future__ import annotations

import os
import resource
import signal
from typing import Any

import pytest
import torch

from cape_ros.core.errors import InvalidInput, TrainingError
from cape_ros.lab.training.batches import Material
from cape_ros.lab.training.distributed import Team


class Killed:
    """Steps of which preparing one kills the process, as the system does where memory is short."""

    def __getitem__(self, number: int) -> torch.Tensor:
        if number:
            os.kill(os.getpid(), signal.SIGKILL)
        return torch.zeros(1)


class TooLarge:
    """Steps for which shared memory has no room."""

    def __getitem__(self, number: int) -> torch.Tensor:
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
        return torch.zeros(1_000_000)


class Raising:
    def __init__(self, error: Exception) -> None:
        self.error = error

    def __getitem__(self, number: int) -> torch.Tensor:
        raise self.error


def first_steps(source: Any, workers: int) -> list[Any]:
    return list(Material(source, 3, 0, 1, Team()).from_step(0, workers))


def test_a_worker_that_was_killed() -> None:
    with pytest.raises(TrainingError, match="was killed"):
        first_steps(Killed(), 1)


def test_shared_memory_that_is_full() -> None:
    """As in a container, which has 64 MB of it."""
    with pytest.raises(TrainingError, match="--shm-size"):
        first_steps(TooLarge(), 1)


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("words", ["sizes do not match", "no DataLoader worker is at fault"])
def test_a_fault_in_a_step_is_none_of_the_process(workers: int, words: str) -> None:
    with pytest.raises(RuntimeError, match=words):
        first_steps(Raising(RuntimeError(words)), workers)


@pytest.mark.parametrize("workers", [0, 1])
def test_what_a_person_can_put_right_stays_as_it_is(workers: int) -> None:
    with pytest.raises(InvalidInput, match=r"^data\.root: is missing$"):
        first_steps(Raising(InvalidInput.of("data.root", "is missing")), workers)
