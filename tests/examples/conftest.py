from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
sys.path.insert(0, str(EXAMPLES))


@pytest.fixture
def start() -> Iterator[Callable[..., Any]]:
    """A function that starts a node with some parameters, and returns it and one beside it."""
    import dds  # before rclpy
    import rclpy

    spinning = []

    def begin(cls: Callable[[], Any], **parameters: Any) -> tuple[Any, Any]:
        arguments = [
            word for name, value in parameters.items() for word in ("-p", f"{name}:={value}")
        ]
        rclpy.init(args=["test", "--ros-args", *arguments])
        spinning.append(dds.Spinner(cls()))
        spinning.append(dds.Spinner(rclpy.create_node("robot")))
        return spinning[0].node, spinning[1].node

    yield begin
    for spinner in reversed(spinning):
        spinner.stop()
    rclpy.try_shutdown()
