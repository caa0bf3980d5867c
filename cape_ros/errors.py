"""The project's family of errors. Each message says what was wrong, where, and what to do."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass


class CapeError(Exception):
    """Base of every error that a person can act on."""


@dataclass(frozen=True)
class Fault:
    """One thing wrong with an input; `field` as the caller wrote it: `shots[0].keypoints[3]`."""

    field: str
    reason: str

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}"


class InvalidInput(CapeError):
    """Input from outside that cannot be used. Names every fault at once; nothing was changed."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(str(fault) for fault in self.faults))

    def __reduce__(self) -> tuple[type[InvalidInput], tuple[tuple[Fault, ...]]]:
        """As it travels between processes: with its faults, not with their text."""
        return type(self), (self.faults,)

    @classmethod
    def of(cls, field: str, reason: str) -> InvalidInput:
        return cls([Fault(field, reason)])


class CheckpointError(CapeError):
    """Weights that are missing, damaged or made for another architecture."""


class LibraryError(CapeError):
    """The folder of registered categories cannot be read or written."""


class DeviceError(CapeError):
    """The compute device or precision that was asked for is not to be had here."""


class SourceError(CapeError):
    """A file, video or camera that cannot be opened or written, has ended or has vanished."""


class TrainingError(CapeError):
    """A training run that cannot begin, go on or be shown."""


def exit_status(command: Callable[[], object]) -> int:
    """Of a command line: 0, or 1 once it was said what a person can put right."""
    try:
        command()
    except CapeError as error:
        print(f"cape: {error}", file=sys.stderr)
        return 1
    return 0
