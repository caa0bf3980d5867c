"""rclpy.executors: waiting for something to do, and doing it."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from cape_ros.wire import rclpy
from cape_ros.wire.context import Context
from cape_ros.wire.dds import WaitSet
from cape_ros.wire.duration import NANOSECONDS
from cape_ros.wire.entity import Entity, Job
from cape_ros.wire.node import Node
from cape_ros.wire.task import Future
from cape_ros.wire.timer import Timer

LONGEST_WAIT = 0.1  # [s] Python handles a signal only between two waits


class ExternalShutdownException(Exception):
    """The context was shut down by something else, as SIGTERM, while an executor spun."""


class Executor:
    """Runs the callbacks of its nodes in the thread that spins.

    An exception of a callback leaves `spin`; the executor can spin again afterwards.
    """

    def __init__(self, *, context: Context | None = None) -> None:
        self.context = context or rclpy.get_default_context()
        self._waitset = WaitSet(self.context.participant.handle)
        self._nodes: list[Node] = []
        self._lock = threading.Lock()
        self._is_shut_down = False
        self._ready: Iterator[tuple[Entity, Job]] = iter(())
        self.context.on_shutdown(self.wake)

    def add_node(self, node: Node) -> bool:
        """Whether it was not here yet; another executor loses it."""
        with self._lock:
            if node in self._nodes:
                return False
        if node.executor is not None:
            node.executor.remove_node(node)
        with self._lock:
            self._nodes.append(node)
        node.executor = self
        self.wake()
        return True

    def remove_node(self, node: Node) -> None:
        with self._lock:
            if node in self._nodes:
                self._nodes.remove(node)
                node.executor = None
        self.wake()

    def get_nodes(self) -> list[Node]:
        with self._lock:
            return list(self._nodes)

    def wake(self) -> None:
        self._waitset.wake()

    def shutdown(self, timeout_sec: float | None = None) -> bool:
        """End spinning and forget the nodes. Whether all callbacks ended in time."""
        self._is_shut_down = True
        self.wake()
        self.context.forget(self.wake)
        for node in self.get_nodes():
            self.remove_node(node)
        self._waitset.close()
        return True

    def spin(self) -> None:
        """Until the context or the executor is shut down.

        Raises `ExternalShutdownException` if that came from outside, as by SIGTERM.
        """
        while self.context.ok() and not self._is_shut_down:
            self.spin_once()

    def spin_once(self, timeout_sec: float | None = None) -> None:
        """Run the next callback; wait for one up to `timeout_sec`, for ever if None."""
        self._spin_until(lambda: False, timeout_sec)

    def spin_until_future_complete(self, future: Future, timeout_sec: float | None = None) -> None:
        end = None if timeout_sec is None or timeout_sec < 0 else time.monotonic() + timeout_sec
        future.add_done_callback(lambda _: self.wake())
        while self.context.ok() and not self._is_shut_down and not future.done():
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                return
            self._spin_until(future.done, left)

    def _spin_until(self, condition: Any, timeout_sec: float | None) -> None:
        """Run one callback, unless the condition or the end of time comes first."""
        end = None if timeout_sec is None or timeout_sec < 0 else time.monotonic() + timeout_sec
        while not self._is_shut_down and not condition():
            if not self.context.ok():
                raise ExternalShutdownException
            if (found := next(self._ready, None)) is not None:
                self._run(*found)
                return
            left = LONGEST_WAIT if end is None else min(end - time.monotonic(), LONGEST_WAIT)
            self._wait(max(0.0, left))
            self._ready = self._one_round()
            if end is not None and time.monotonic() >= end:
                if (found := next(self._ready, None)) is not None:
                    self._run(*found)
                return

    def _wait(self, seconds: float) -> None:
        conditions = []
        if self._has_room():
            for entity in (entity for node in self.get_nodes() for entity in node.entities()):
                # What belongs to a busy group would end the wait at once, again and again.
                if not entity.callback_group.can_execute():
                    continue
                if entity.condition is not None:
                    conditions.append(entity.condition)
                elif isinstance(entity, Timer):
                    due = entity.time_until_next_call()
                    seconds = seconds if due is None else min(seconds, due / NANOSECONDS)
        self._waitset.wait(conditions, max(0.0, seconds))

    def _one_round(self) -> Iterator[tuple[Entity, Job]]:
        """Each entity that has something to do, once, its callback group entered."""
        for entity in [entity for node in self.get_nodes() for entity in node.entities()]:
            if not self._has_room():
                return
            if entity.node.executor is not self:  # its node left since the round began
                continue
            if not entity.callback_group.beginning_execution():
                continue
            job = None
            try:
                job = entity.take()
            finally:
                if job is None:
                    entity.callback_group.ending_execution()
            if job is not None:
                yield entity, job

    def _has_room(self) -> bool:
        """Whether one more callback could run now."""
        return True

    def _run(self, entity: Entity, job: Job) -> None:
        try:
            job()
        finally:
            entity.callback_group.ending_execution()


class SingleThreadedExecutor(Executor):
    pass


class MultiThreadedExecutor(Executor):
    """Runs callbacks in threads of its own; `spin` raises what one of them raised."""

    def __init__(self, num_threads: int | None = None, *, context: Context | None = None) -> None:
        """num_threads: as many as processors, and at least 2, if None."""
        super().__init__(context=context)
        self._threads = num_threads or max(2, os.cpu_count() or 2)
        self._pool = ThreadPoolExecutor(self._threads, "executor")
        self._running = 0
        self._running_changed = threading.Condition()
        self._failures: deque[BaseException] = deque()

    def spin(self) -> None:
        """Until the context or the executor is shut down, from outside or not."""
        with contextlib.suppress(ExternalShutdownException):
            super().spin()

    def shutdown(self, timeout_sec: float | None = None) -> bool:
        with self._running_changed:
            self._is_shut_down = True
            in_time = self._running_changed.wait_for(lambda: not self._running, timeout_sec)
        self._pool.shutdown(wait=False)
        super().shutdown()
        return in_time

    def _spin_until(self, condition: Any, timeout_sec: float | None) -> None:
        if self._failures:
            raise self._failures.popleft()
        super()._spin_until(lambda: bool(self._failures) or condition(), timeout_sec)

    def _has_room(self) -> bool:
        return self._running < self._threads

    def _run(self, entity: Entity, job: Job) -> None:
        with self._running_changed:
            if not self._is_shut_down:
                self._running += 1
                self._pool.submit(self._work, entity, job)
                return
        entity.callback_group.ending_execution()  # shut down meanwhile: what was taken is lost

    def _work(self, entity: Entity, job: Job) -> None:
        try:
            super()._run(entity, job)
        except BaseException as error:
            self._failures.append(error)
        finally:
            with self._running_changed:
                self._running -= 1
                self._running_changed.notify_all()
            self.wake()
