"""The end of a process may come at any moment of a frame."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import dds  # noqa: F401  before the message packages
import pytest

from cape_ros.ros.session import Session


class Ending:
    """Outputs of a node whose context ends, or does not, while they publish."""

    def __init__(self, ends: bool) -> None:
        self.running = True
        self._ends = ends

    def publish(self, result: Any) -> None:
        self.running = not self._ends
        raise RuntimeError("the publisher's context is not valid")


def session(outputs: Ending) -> Any:
    node = SimpleNamespace(context=SimpleNamespace(ok=lambda: outputs.running))
    return SimpleNamespace(_node=node, outputs={"": outputs}, studio=None)


RESULT: Any = SimpleNamespace(frame=SimpleNamespace(camera=""))


def test_a_result_that_the_end_overtakes_is_no_fault() -> None:
    Session._publish(session(Ending(ends=True)), RESULT)


def test_while_the_node_runs_a_publisher_that_fails_is_one() -> None:
    with pytest.raises(RuntimeError, match="not valid"):
        Session._publish(session(Ending(ends=False)), RESULT)
