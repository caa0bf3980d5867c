"""Steps prepared ahead by other processes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cape_ros.errors import TrainingError
from cape_ros.training import material
from cape_ros.training.material import Material
from cape_ros.training.team import Team


@pytest.mark.parametrize(
    ("said", "kind", "told"),
    [
        ("DataLoader worker (pid 7) is killed by signal: Killed.", TrainingError, "was killed"),
        ("sizes do not match", RuntimeError, "^sizes do not match$"),
    ],
)
def test_a_worker_that_was_killed_is_told_from_a_fault_in_a_step(
    monkeypatch: pytest.MonkeyPatch, said: str, kind: type[Exception], told: str
) -> None:
    def broken(*_: object, **__: object) -> Iterator[None]:
        raise RuntimeError(said)
        yield

    monkeypatch.setattr(material, "DataLoader", broken)
    with pytest.raises(kind, match=told):
        next(Material(None, 3, 0, 1, Team()).from_step(0, 2))
