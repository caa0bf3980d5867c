"""The node `/cape`, with a life cycle: images and registrations in, keypoints out."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import rclpy
from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.exceptions import ParameterException
from rclpy.executors import ExternalShutdownException
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.node import Node
from rclpy.parameter import Parameter

from cape_ros.core.errors import CapeError
from cape_ros.core.hangup import on_hangup
from cape_ros.core.interpreter import give_way_to_frames
from cape_ros.core.malloc import free_memory, keep_frames_mapped
from cape_ros.core.plurals import counted
from cape_ros.core.processes import ends_when_told, leave
from cape_ros.ros import MIDDLEWARE, parameters
from cape_ros.ros.compat import destroy_life_cycle
from cape_ros.ros.executor import Executor
from cape_ros.ros.services import Services
from cape_ros.ros.session import Session
from cape_ros.ros.start import init
from cape_ros.server.server import Server

logger = logging.getLogger(__name__)
THREADS = 6  # commands, estimates, queries, diagnostics, the life cycle; one more for each camera


class CapeNode(LifecycleNode):
    """configure loads and warms up, activate listens, deactivate stops, cleanup frees.

    Raises `InvalidInput` for a parameter that cannot be used.
    """

    def __init__(self) -> None:
        self._session: Session | None = None
        self._answering: Services | None = None
        self._failure: CapeError | None = None  # why the last transition failed
        self._changing = threading.RLock()  # a service changes parameters, too
        self._log: LogForwarder | None = None
        super().__init__("cape")
        self._log = LogForwarder(self)
        logging.getLogger("cape_ros").addHandler(self._log)
        try:
            self._values = parameters.declare(self)
        except BaseException:
            self.destroy_node()
            raise
        self.add_on_set_parameters_callback(self._on_parameters)

    def bring_up(self) -> None:
        """Configure and activate. Raises `CapeError` that says why it cannot be done."""
        for transition in (self.trigger_configure, self.trigger_activate):
            if transition() != TransitionCallbackReturn.SUCCESS:
                raise self._failure or CapeError("the node did not start; see its log")

    def start(self) -> None:
        """`bring_up`, unless the parameter autostart is false."""
        if self._values["autostart"]:
            self.bring_up()

    @property
    def session(self) -> Session:
        """The session from configure to cleanup. Raises `CapeError` without one."""
        if self._session is None:
            raise CapeError("the node is unconfigured; first: ros2 lifecycle set /cape configure")
        return self._session

    @property
    def cameras(self) -> Sequence[str]:
        """Their names."""
        return parameters.camera_names(self._values)

    @property
    def server(self) -> Server:
        return self.session.server

    def count_refused(self, error: Exception) -> None:
        """Count an input that no camera or service got."""
        session = self._session
        if session is not None:
            session.server.reject(error)

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._transition(self._configure)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._transition(lambda: self.session.activate())

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._transition(lambda: self.session.deactivate())

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._transition(self._clean_up)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._transition(self._clean_up)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Back to unconfigured, with nothing left of what failed."""
        return self._transition(self._clean_up)

    def destroy_node(self) -> None:
        """End the session, then the topics and services. Idempotent."""
        self._clean_up()
        if self._log is not None:
            logging.getLogger("cape_ros").removeHandler(self._log)
        super().destroy_node()
        destroy_life_cycle(self)

    def _configure(self) -> None:
        began = self.get_clock().now()
        self._session = session = Session(self, self._values)
        if self._answering is None:
            self._answering = Services(self, lambda: self.session)
        seconds = (self.get_clock().now() - began).nanoseconds / 1e9
        known = counted(len(session.server.categories), "category", "categories")
        self.get_logger().info(
            f"configured on {session.device} with {known} "
            f"in {seconds:.1f} s, speaking through {MIDDLEWARE}"
        )

    def _clean_up(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()
            del session
            free_memory()

    def _transition(self, work: Callable[[], None]) -> TransitionCallbackReturn:
        """Runs a transition: a `CapeError` is a FAILURE, all else an ERROR; both are logged."""
        self._failure = None
        try:
            work()
        except CapeError as error:
            self._failure = error
            self.get_logger().error(str(error))
            return TransitionCallbackReturn.FAILURE
        except Exception as error:
            if not self.context.ok():  # a stopped node loses its middleware meanwhile
                self._failure = CapeError("stopped before the transition was done")
                return TransitionCallbackReturn.FAILURE
            self._failure = CapeError(f"internal error, see the node's log: {error}")
            logger.exception("a transition failed")
            return TransitionCallbackReturn.ERROR
        return TransitionCallbackReturn.SUCCESS

    def _on_parameters(self, changed: list[Parameter]) -> SetParametersResult:
        with self._changing:
            values = dict(self._values)
            values |= {
                p.name: parameters.kind_of(p.name).read(p.value)
                for p in changed
                if p.name in values
            }
            try:
                parameters.check_change(self._values, values, self._session is None)
                if self._session is not None:
                    self._session.change(values)
            except CapeError as error:
                return SetParametersResult(successful=False, reason=str(error))
            self._values = values
            return SetParametersResult(successful=True)


class LogForwarder(logging.Handler):
    """Forwards the log of the other packages to the node's log."""

    def __init__(self, node: Node) -> None:
        super().__init__(logging.WARNING)
        self._logger = node.get_logger()

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        if record.levelno >= logging.ERROR:
            self._logger.error(text)
        else:
            self._logger.warning(text)


def main(args: list[str] | None = None) -> int:
    """Run the node until a signal stops it; returns the exit status. For a process of its own."""
    interrupted = threading.Event()
    _handle_interrupts(lambda *_: interrupted.set())
    on_hangup(lambda: os.kill(os.getpid(), signal.SIGINT))
    keep_frames_mapped()
    give_way_to_frames()
    initialized = threading.Event()

    def told() -> bool:  # a SIGTERM by rclpy alone
        return interrupted.is_set() or (initialized.is_set() and not rclpy.ok())

    with ends_when_told(told, "cape_node"):
        return _run(args, interrupted, initialized)


def _run(args: list[str] | None, interrupted: threading.Event, initialized: threading.Event) -> int:
    """As `main`. interrupted: by a SIGINT. initialized: is set once rclpy is."""
    node = executor = None
    try:
        init(args)
        initialized.set()
        if interrupted.is_set():  # before rclpy listened to signals
            return 0
        node = CapeNode()
        executor = Executor(THREADS + len(node.cameras), node.count_refused)
        executor.add_node(node)
        # At a signal rclpy wakes its executor before it ends the context: one that has nothing else
        # to do may wait again, for ever. By a steady clock, as simulated time may stand still.
        node.create_timer(1.0, lambda: None, clock=Clock(clock_type=ClockType.STEADY_TIME))
        node.start()
        executor.spin_until_shutdown()
    except ExternalShutdownException:
        pass
    except (CapeError, ParameterException) as error:
        if rclpy.ok() or not initialized.is_set():  # else it was stopped while it started
            print(f"cape_node: {error}", file=sys.stderr)
            return 1
    except Exception:  # rclpy's own, of a context that ended meanwhile
        if rclpy.ok() or not initialized.is_set():
            raise
    finally:
        if executor is not None:
            executor.shutdown()
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
        _handle_interrupts(signal.SIG_IGN)  # while the interpreter ends
    return 0


def run() -> NoReturn:
    """`main`, and the end of the process at once."""
    leave(main())


def _handle_interrupts(action: Any) -> None:
    """SIGINT ends spinning; a KeyboardInterrupt besides, in any line, would break off the end.

    A node that `ros2 launch` started gets two of them at a Ctrl-C.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, action)


if __name__ == "__main__":
    run()
