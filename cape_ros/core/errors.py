"""The exceptions of this package. Each message says what was wrong, where, and what to do."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal


class CapeError(Exception):
    """Base of every error that a person can act on."""


FaultCode = Literal[
    "invalid",  # none of the following; the reason says what
    "missing",  # needed, but absent or empty
    "unknown_field",  # not the name of a field
    "wrong_type",  # of another kind or shape
    "out_of_range",  # outside the image, or of the numbers allowed
    "too_large",  # more than a limit allows
    "duplicate",  # stands there twice
    "unknown_category",  # no category of this name is registered
    "category_exists",  # a category of this name is registered already
    "differs",  # contradicts what is registered
    "unknown_image",  # the server does not keep this image, or not any more
    "conflict",  # what it is based on was changed meanwhile
]


@dataclass(frozen=True)
class Fault:
    """One thing wrong with an input.

    field: as the caller wrote it, such as `shots[0].keypoints[3]`. reason: for a person; its words
    may change. code: for a program; what it decides on.
    """

    field: str
    reason: str
    code: FaultCode = "invalid"

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}"

    def at(self, field: str) -> Fault:
        """The same fault under the name that the field has for an outer caller."""
        return replace(self, field=field)


MOST_FAULTS = 20  # in an answer; it stays small whatever was sent


class InvalidInput(CapeError):
    """Input that cannot be used; `faults` lists what is wrong with it, the first `MOST_FAULTS` of
    all. Nothing was changed."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        all_faults = list(faults)
        left_out = len(all_faults) - MOST_FAULTS
        self.faults = tuple(all_faults[:MOST_FAULTS])
        if left_out == 1:  # of an error that was made of such an error
            self.faults = tuple(all_faults)
        elif left_out > 1:
            self.faults += (Fault("input", f"has {left_out} more faults"),)
        super().__init__("; ".join(str(fault) for fault in self.faults))

    def __reduce__(self) -> tuple[type[InvalidInput], tuple[Any, ...]]:
        """Pickles the faults, not their text."""
        return type(self), (self.faults,)

    @classmethod
    def of(cls, field: str, reason: str, code: FaultCode = "invalid") -> InvalidInput:
        """The error for a single fault; parameters as of `Fault`."""
        return cls([Fault(field, reason, code)])


class Conflict(InvalidInput):
    """A change that is based on a version which is not the present one.

    present: the version now, None if nothing is registered any more.
    """

    def __init__(self, faults: Iterable[Fault], present: int | None) -> None:
        super().__init__(faults)
        self.present = present

    def __reduce__(self) -> tuple[type[InvalidInput], tuple[Any, ...]]:
        return type(self), (self.faults, self.present)


class CheckpointError(CapeError):
    """Weights that are missing, damaged or made for another architecture."""


class LibraryError(CapeError):
    """The folder of registered categories cannot be read or written."""


class DeviceError(CapeError):
    """The requested compute device or precision is not available."""


class SourceError(CapeError):
    """A file, video or camera that cannot be opened or written, has ended or has vanished."""


class TrainingError(CapeError):
    """A training run that cannot begin, go on or be shown."""


def exit_status(command: Callable[[], object], name: str = "cape") -> int:
    """Run a command; 0, or 1 once a `CapeError` of it, or an `OSError` of a file, is printed.

    name: of the program, printed before the error.
    """
    try:
        command()
    except CapeError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    except OSError as error:  # of a file that nothing else has an advice for
        if error.filename is None and error.errno != errno.ENOSPC:  # what is printed has no name
            raise
        where = f"{error.filename}: " if error.filename is not None else ""
        print(f"{name}: {where}{error.strerror}", file=sys.stderr)
        return 1
    return 0
