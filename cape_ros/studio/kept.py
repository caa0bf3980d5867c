"""What people uploaded or froze, in memory that is bounded as a whole."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

MOST_ENTRIES = 512


class Kept:
    """Values by key, at most so many bytes together; the least recently used go first.

    Any thread may use it.
    """

    def __init__(self, octets: int) -> None:
        self._most = octets
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, tuple[Any, int]] = OrderedDict()
        self._octets = 0

    def put(self, key: str, value: Any, octets: int) -> list[str]:
        """Keep a value of so many bytes; returns the keys of those that had to go for it."""
        with self._lock:
            self._octets += octets - self._entries.pop(key, (None, 0))[1]
            dropped = []
            while self._entries and (
                self._octets > self._most or len(self._entries) >= MOST_ENTRIES
            ):
                oldest, (_, freed) = self._entries.popitem(last=False)
                self._octets -= freed
                dropped.append(oldest)
            self._entries[key] = value, octets
            return dropped

    def get(self, key: str) -> Any:
        """The value, used just now; None if it is not there any more."""
        with self._lock:
            if key not in self._entries:
                return None
            self._entries.move_to_end(key)
            return self._entries[key][0]
