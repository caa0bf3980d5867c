"""rclpy.context: what lives between rclpy.init() and rclpy.shutdown()."""

from __future__ import annotations

import atexit
import contextlib
import sys
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from cape_ros.wire import arguments, domain
from cape_ros.wire.arguments import Arguments
from cape_ros.wire.dds_library import DdsError
from cape_ros.wire.exceptions import NotInitializedException
from cape_ros.wire.graph import Graph
from cape_ros.wire.logging import set_logger_level
from cape_ros.wire.participant import Participant

if TYPE_CHECKING:
    from cape_ros.wire.node import Node


class Context:
    """The participant of the process and the nodes on it."""

    def __init__(self) -> None:
        self.arguments = Arguments()
        self._participant: Participant | None = None
        self._graph: Graph | None = None
        self._nodes: list[Node] = []
        self._stopping = False
        self._on_stop: list[Callable[[], None]] = []
        self._lock = threading.RLock()

    @property
    def participant(self) -> Participant:
        """Raises `NotInitializedException` before init and after shutdown."""
        if self._participant is None:
            raise NotInitializedException
        return self._participant

    def init(self, args: Sequence[str] | None = None, *, domain_id: int | None = None) -> None:
        """args: the command line, that of the process if None. Raises `InvalidInput` for a fault
        in it, RuntimeError if it was called before."""
        with self._lock:
            if self._participant is not None:
                raise RuntimeError("rclpy.init() was called before; call rclpy.shutdown() first")
            self.arguments = arguments.parse(sys.argv if args is None else args)
            for logger, level in self.arguments.log_levels:
                set_logger_level(logger, level)
            self._participant = Participant(domain.domain_id() if domain_id is None else domain_id)
            self._graph = Graph(self._participant)
            self._stopping = False
            atexit.register(self.try_shutdown)  # so that peers hear of the end at once

    def ok(self) -> bool:
        return self._participant is not None and not self._stopping

    def on_shutdown(self, callback: Callable[[], None]) -> None:
        """callback: called once, when the end begins; at once if it has."""
        with self._lock:
            if self.ok():
                self._on_stop.append(callback)
                return
        callback()

    def forget(self, callback: Callable[[], None]) -> None:
        with self._lock, contextlib.suppress(ValueError):
            self._on_stop.remove(callback)

    def stop(self) -> None:
        """Let spinning end; what is being sent can still be sent. Safe in a signal handler."""
        self._stopping = True
        callbacks, self._on_stop = self._on_stop, []
        for callback in callbacks:
            callback()

    def shutdown(self) -> None:
        """Raises RuntimeError if there is nothing to shut down."""
        if self._participant is None:
            raise RuntimeError("rclpy.init() has not been called, or rclpy.shutdown() has")
        self.try_shutdown()

    def try_shutdown(self) -> None:
        self.stop()
        with self._lock:
            atexit.unregister(self.try_shutdown)
            participant, self._participant, self._graph = self._participant, None, None
            self._nodes.clear()
            if participant is not None:
                participant.close()

    def add_node(self, node: Node) -> None:
        with self._lock:
            self._nodes.append(node)
            self.announce()

    def remove_node(self, node: Node) -> None:
        with self._lock:
            if node in self._nodes:
                self._nodes.remove(node)
                self.announce()

    def announce(self) -> None:
        """Tell the other nodes what is here now."""
        with self._lock, contextlib.suppress(DdsError):
            if self._graph is not None:
                self._graph.announce(self._nodes)
