"""rclpy.lifecycle.managed_entity: what follows the transitions of its node."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from cape_ros.wire.lifecycle_states import LifecycleState, TransitionCallbackReturn
from cape_ros.wire.publisher import Publisher


class ManagedEntity:
    """Each method is called in the transition of its name. state: where the transition began."""

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        return TransitionCallbackReturn.SUCCESS

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        return TransitionCallbackReturn.SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        return TransitionCallbackReturn.SUCCESS

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        return TransitionCallbackReturn.SUCCESS

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        return TransitionCallbackReturn.SUCCESS


class SimpleManagedEntity(ManagedEntity):
    """Knows whether it was activated last, or deactivated."""

    _enabled = False

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._enabled = True
        return TransitionCallbackReturn.SUCCESS

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._enabled = False
        return TransitionCallbackReturn.SUCCESS

    @property
    def is_activated(self) -> bool:
        return self._enabled

    @staticmethod
    def when_enabled(
        wrapped: Callable[..., None] | None = None,
        *,
        when_not_enabled: Callable[[], None] | None = None,
    ) -> Any:
        """A decorator for methods that do nothing, or call `when_not_enabled`, while inactive."""

        def decorate(method: Callable[..., None]) -> Callable[..., None]:
            @functools.wraps(method)
            def only_when_enabled(self: SimpleManagedEntity, *args: Any, **kwargs: Any) -> None:
                if self._enabled:
                    method(self, *args, **kwargs)
                elif when_not_enabled is not None:
                    when_not_enabled()

            return only_when_enabled

        return decorate if wrapped is None else decorate(wrapped)


class LifecyclePublisher(SimpleManagedEntity, Publisher):
    """Made by `LifecycleNode.create_lifecycle_publisher`."""

    @SimpleManagedEntity.when_enabled
    def publish(self, msg: Any) -> None:
        """As `Publisher.publish` while the node is active; else nothing."""
        Publisher.publish(self, msg)
