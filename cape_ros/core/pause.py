"""What a long computation does between its steps."""

from __future__ import annotations

from collections.abc import Callable

Pause = Callable[[], None]


def no_pause() -> None:
    """It goes on."""
