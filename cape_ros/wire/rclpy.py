"""What `import rclpy` gives where there is no ROS 2: its functions; its modules are beside this."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cape_ros.wire import signals
from cape_ros.wire.context import Context
from cape_ros.wire.task import Future

if TYPE_CHECKING:
    from cape_ros.wire.executors import Executor
    from cape_ros.wire.node import Node

_default_context = Context()
_executor: Executor | None = None


def get_default_context() -> Context:
    return _default_context


def init(
    *,
    args: Sequence[str] | None = None,
    context: Context | None = None,
    domain_id: int | None = None,
) -> None:
    """args: the command line, that of the process if None; what follows --ros-args is read.

    SIGINT and SIGTERM end spinning from now on, if the main thread calls this for the default
    context. Raises `InvalidInput` for a fault in the arguments or the environment.
    """
    (context or _default_context).init(args, domain_id=domain_id)
    if context in (None, _default_context):
        signals.install(_default_context.stop)


def ok(*, context: Context | None = None) -> bool:
    return (context or _default_context).ok()


def shutdown(*, context: Context | None = None) -> None:
    """Raises RuntimeError if there is nothing to shut down."""
    _end(context)
    (context or _default_context).shutdown()


def try_shutdown(*, context: Context | None = None) -> None:
    _end(context)
    (context or _default_context).try_shutdown()


def _end(context: Context | None) -> None:
    global _executor
    if context in (None, _default_context):
        signals.uninstall()
        if _executor is not None:
            _executor.shutdown()
            _executor = None


def create_node(node_name: str, **options: Any) -> Node:
    """options: those of rclpy.node.Node."""
    from cape_ros.wire.node import Node

    return Node(node_name, **options)


def get_global_executor() -> Executor:
    """The one that spins where none is given."""
    global _executor
    from cape_ros.wire.executors import SingleThreadedExecutor

    if _executor is None:
        _executor = SingleThreadedExecutor()
    return _executor


def spin(node: Node, executor: Executor | None = None) -> None:
    chosen = executor or get_global_executor()
    try:
        chosen.add_node(node)
        chosen.spin()
    finally:
        chosen.remove_node(node)


def spin_once(
    node: Node, *, executor: Executor | None = None, timeout_sec: float | None = None
) -> None:
    chosen = executor or get_global_executor()
    try:
        chosen.add_node(node)
        chosen.spin_once(timeout_sec)
    finally:
        chosen.remove_node(node)


def spin_until_future_complete(
    node: Node,
    future: Future,
    executor: Executor | None = None,
    timeout_sec: float | None = None,
) -> None:
    chosen = executor or get_global_executor()
    try:
        chosen.add_node(node)
        chosen.spin_until_future_complete(future, timeout_sec)
    finally:
        chosen.remove_node(node)
