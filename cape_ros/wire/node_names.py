"""Names of nodes, topics and services: what is allowed, and what they are called in full."""

from __future__ import annotations

import re

from cape_ros.wire.arguments import Arguments
from cape_ros.wire.exceptions import InvalidNameException

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
FULL_NAME = re.compile(rf"(/{NAME.pattern})+")


class NodeNames:
    """The names of one node, after remapping."""

    def __init__(self, node_name: str, namespace: str | None, arguments: Arguments) -> None:
        """Raises InvalidNameException."""
        self._given = node_name
        self._arguments = arguments
        self.name = arguments.remapped(node_name, "__node") or node_name
        if not NAME.fullmatch(self.name):
            raise InvalidNameException(f"node name {self.name!r}: letters, digits and _ only")
        wanted = arguments.remapped(node_name, "__ns") or namespace or ""
        self.namespace = "/" + wanted.strip("/")
        if self.namespace != "/" and not FULL_NAME.fullmatch(self.namespace):
            raise InvalidNameException(f"namespace {self.namespace!r} is not like /one/two")

    @property
    def full(self) -> str:
        return f"{self.namespace.rstrip('/')}/{self.name}"

    def resolve(self, name: str, only_expand: bool = False) -> str:
        """The full name of a topic or service. Raises InvalidNameException."""
        full = self._expand(name)
        if not FULL_NAME.fullmatch(full):
            raise InvalidNameException(f"topic or service name {full!r} is not like /one/two")
        if only_expand:
            return full
        for remap in self._arguments.remaps:
            if remap.node in (None, self._given) and self._expand(remap.source) == full:
                return self._expand(remap.target)
        return full

    def _expand(self, name: str) -> str:
        if name.startswith("/"):
            return name
        if name == "~" or name.startswith("~/"):
            return self.full + name[1:]
        return f"{self.namespace.rstrip('/')}/{name}"
