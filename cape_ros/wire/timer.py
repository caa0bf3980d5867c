"""rclpy.timer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cape_ros.wire.callback_groups import CallbackGroup
from cape_ros.wire.clock import Clock
from cape_ros.wire.duration import NANOSECONDS
from cape_ros.wire.entity import Entity, Job

if TYPE_CHECKING:
    from cape_ros.wire.node import Node


class Timer(Entity):
    """Made by `Node.create_timer`. Calls that are missed are not made up for."""

    def __init__(
        self,
        node: Node,
        period: float,
        callback: Callable[[], object],
        callback_group: CallbackGroup | None,
        clock: Clock,
    ) -> None:
        """period: [s] of the clock."""
        super().__init__(node, callback_group)
        self.timer_period_ns = int(period * NANOSECONDS)
        if self.timer_period_ns < 0:
            raise ValueError(f"a timer's period is not negative: {period}")
        self.callback = callback
        self.clock = clock
        self._cancelled = False
        self._begin()

    def cancel(self) -> None:
        self._cancelled = True

    def close(self) -> None:
        super().close()
        self.cancel()  # it may be in the round of callbacks that destroyed it

    def is_canceled(self) -> bool:
        return self._cancelled

    def reset(self) -> None:
        self._cancelled = False
        self._begin()
        self.node.wake()

    def is_ready(self) -> bool:
        left = self.time_until_next_call()
        return left is not None and left <= 0

    def time_until_next_call(self) -> int | None:
        """[ns], negative if overdue; None for a cancelled timer."""
        if self._cancelled:
            return None
        if self._epoch != self.clock.epoch:  # it jumped: what was due then is not now
            self._begin()
        return self._due - self.clock.ticks()

    def take(self) -> Job | None:
        if not self.is_ready():
            return None
        late = self.clock.ticks() - self._due
        self._due += self.timer_period_ns * (1 + late // max(1, self.timer_period_ns))
        return self._call

    def _call(self) -> None:
        if not self._cancelled:
            self.callback()

    def _begin(self) -> None:
        self._epoch = self.clock.epoch
        self._due = self.clock.ticks() + self.timer_period_ns
