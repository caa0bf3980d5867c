"""What a recording says of a topic."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Topic:
    """kind: such as sensor_msgs/msg/Image. definition: of it and of all inside it, "" if the
    recording has none. form: of the definition, ros2msg or ros2idl. qos: the QoS that publishers
    offered, as YAML."""

    name: str
    kind: str
    definition: str = ""
    form: str = "ros2msg"
    qos: str = ""


Message = tuple[Topic, int, bytes]
"""When it was recorded [ns since 1970], and its octets in CDR."""


def until_damage(items: Iterable[T], tell: Callable[[str], object]) -> Iterator[T]:
    """As many items as can be read; `tell` is given why the next one cannot be."""
    iterator = iter(items)
    while True:
        try:
            item = next(iterator)
        except StopIteration:
            return
        except Exception as error:
            tell(reason(error))
            return
        yield item


def reason(error: Exception) -> str:
    """What a library says of a file, in one line."""
    return str(error).partition("\n")[0] or type(error).__name__
