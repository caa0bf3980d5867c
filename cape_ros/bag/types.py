"""The messages of ROS 2 and of this package as classes, without ROS."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from cape_ros.bag.topic import Topic
from cape_ros.interfaces.packages import OWN, own_definitions


def message_types() -> Typestore:
    """Raises `CapeError` if the definitions of this package are missing."""
    parsed: dict[str, Any] = {}
    for file in (own_definitions() / "msg").glob("*.msg"):
        parsed |= get_types_from_msg(file.read_text("utf-8"), f"{OWN}/msg/{file.stem}")
    store = get_typestore(Stores.ROS2_JAZZY)
    store.register(parsed)
    return store


def with_definition(topic: Topic, types: Typestore) -> Topic | None:
    """Recordings of Humble have no definitions. None where `types` does not know it either."""
    if topic.definition:
        return topic
    if topic.kind not in types.fielddefs:
        return None
    definition, _ = types.generate_msgdef(topic.kind, ros_version=2)
    return replace(topic, definition=definition, form="ros2msg")
