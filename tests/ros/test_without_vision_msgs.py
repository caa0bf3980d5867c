"""The node where vision_msgs is not installed: everything but detections works."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dds  # noqa: F401  # before the message packages
import pytest

from cape_ros.core.errors import InvalidInput
from cape_ros.ros import compat


@pytest.fixture(autouse=True)
def absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compat, "vision_msgs", None)


def test_keypoints_come_and_there_is_no_topic_of_detections(start: Callable[..., Any]) -> None:
    bench = start()
    message, found = bench.robot.show()
    assert found.header == message.header
    topics = dict(bench.robot.get_topic_names_and_types())
    assert "/cape/keypoints" in topics
    assert "/cape/detections" not in topics


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"boxes": "detections"}, "boxes"),
        ({"cameras": ["left"], "left__boxes": "detections"}, "left.boxes"),
    ],
)
def test_boxes_of_a_detector_are_refused_in_one_sentence(
    start: Callable[..., Any], parameters: dict[str, Any], name: str
) -> None:
    with pytest.raises(
        InvalidInput, match=rf"{name}: .* vision_msgs, .*ros-.*-vision-msgs"
    ) as error:
        start(**parameters)
    assert len(error.value.faults) == 1
