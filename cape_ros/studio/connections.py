"""Connections that send nothing whole: they are closed, and never keep others out."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_WITHIN = 10.0  # [s] from the start of a connection, or of its next request, to its headers
MOST_WAITING = 40  # connections without a whole request; a new one closes the oldest
MOST_OF_AN_ADDRESS = 40  # connections with a request in work; uvicorn's limit is for all


class BoundedConnection(H11Protocol):
    """uvicorn's protocol with a time limit for headers, and limits of connections."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Makes room for the newest connection."""
        super().connection_made(transport)
        alive = [
            one
            for one in self.connections
            if isinstance(one, BoundedConnection) and not one.transport.is_closing()
        ]
        waiting = sorted((one for one in alive if one.waits), key=lambda one: one.began)
        for one in waiting[: max(0, len(waiting) - MOST_WAITING)]:
            one.transport.close()
        at_work = [one for one in alive if not one.waits and one.host == self.host]
        if len(at_work) >= MOST_OF_AN_ADDRESS:
            self.transport.close()
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Parses it, and limits the time to the end of a request's headers."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets the deadline."""
        super().connection_lost(exc)
        if self._deadline is not None:
            self._deadline.cancel()

    @property
    def waits(self) -> bool:
        """Whether no request is in work."""
        return self.cycle is None or self.cycle.response_complete

    @property
    def host(self) -> str | None:
        """The client's address."""
        return self.client[0] if self.client else None

    @property
    def began(self) -> float:
        """[s] of the loop's clock when the connection, or the wait for its next request, began."""
        if self._deadline is None:  # made just now
            return self.loop.time()
        return self._deadline.when() - REQUEST_WITHIN

    def _watch(self) -> None:
        if self.waits and self._deadline is None:
            self._deadline = self.loop.call_later(REQUEST_WITHIN, self._expire)
        elif not self.waits and self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _expire(self) -> None:
        self._deadline = None
        if self.waits and self in self.connections:  # a WebSocket is not any more
            self.transport.close()
