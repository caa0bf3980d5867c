"""rclpy.callback_groups: which callbacks may run at the same time."""

from __future__ import annotations

import threading


class CallbackGroup:
    """An executor asks before, and tells before and after, it runs a callback of the group."""

    def can_execute(self) -> bool:
        """Whether a callback could begin now."""
        raise NotImplementedError

    def beginning_execution(self) -> bool:
        """Enter the group; False if another callback keeps it."""
        raise NotImplementedError

    def ending_execution(self) -> None:
        raise NotImplementedError


class ReentrantCallbackGroup(CallbackGroup):
    """Its callbacks run beside each other and themselves."""

    def can_execute(self) -> bool:
        return True

    def beginning_execution(self) -> bool:
        return True

    def ending_execution(self) -> None:
        pass


class MutuallyExclusiveCallbackGroup(CallbackGroup):
    """Its callbacks run one at a time."""

    def __init__(self) -> None:
        self._active = threading.Lock()

    def can_execute(self) -> bool:
        return not self._active.locked()

    def beginning_execution(self) -> bool:
        return self._active.acquire(blocking=False)

    def ending_execution(self) -> None:
        self._active.release()
