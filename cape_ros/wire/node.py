"""rclpy.node."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from cape_ros.wire import arguments, rclpy
from cape_ros.wire.callback_groups import CallbackGroup, MutuallyExclusiveCallbackGroup
from cape_ros.wire.client import Client
from cape_ros.wire.clock import Clock, ClockType
from cape_ros.wire.context import Context
from cape_ros.wire.entity import Entity
from cape_ros.wire.exceptions import InvalidNameException
from cape_ros.wire.interfaces import message
from cape_ros.wire.logging import Logger, Record, add_sink, get_logger, remove_sink
from cape_ros.wire.parameter import Parameter
from cape_ros.wire.parameter_service import ParameterService
from cape_ros.wire.parameters import DeclaredParameters, Result
from cape_ros.wire.participant import Participant
from cape_ros.wire.publisher import Publisher
from cape_ros.wire.qos import (
    QoSProfile,
    as_profile,
    qos_profile_parameter_events,
    qos_profile_rosout_default,
    qos_profile_services_default,
)
from cape_ros.wire.service import Service
from cape_ros.wire.subscription import Subscription
from cape_ros.wire.timer import Timer

if TYPE_CHECKING:
    from cape_ros.wire.executors import Executor

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
FULL_NAME = re.compile(rf"(/{NAME.pattern})+")


class Node(DeclaredParameters):
    """A node of the default context, or of `context`. Its methods may be called by any thread."""

    def __init__(
        self,
        node_name: str,
        *,
        context: Context | None = None,
        cli_args: Sequence[str] | None = None,
        namespace: str | None = None,
        use_global_arguments: bool = True,
        enable_rosout: bool = True,
        start_parameter_services: bool = True,
        parameter_overrides: Sequence[Parameter] | None = None,
        automatically_declare_parameters_from_overrides: bool = False,
    ) -> None:
        self.context = context or rclpy.get_default_context()
        self.participant: Participant = self.context.participant
        given = arguments.parse(["--ros-args", *cli_args] if cli_args else [])
        if use_global_arguments:
            given = given.before(self.context.arguments)
        self._arguments = given
        self._given_name = node_name
        self._name = given.remapped(node_name, "__node") or node_name
        if not NAME.fullmatch(self._name):
            raise InvalidNameException(f"node name {self._name!r}: letters, digits and _ only")
        self._namespace = "/" + (given.remapped(node_name, "__ns") or namespace or "").strip("/")
        if self._namespace != "/" and not FULL_NAME.fullmatch(self._namespace):
            raise InvalidNameException(f"namespace {self._namespace!r} is not like /one/two")
        self._entities: list[Entity] = []
        self._entities_lock = threading.Lock()
        self.executor: Executor | None = None
        self.default_callback_group: CallbackGroup = MutuallyExclusiveCallbackGroup()
        self._clock = Clock(clock_type=ClockType.ROS_TIME)
        self._logger = get_logger(self.get_fully_qualified_name()[1:].replace("/", "."))
        self._rosout: Publisher | None = None
        self._parameter_events: Publisher | None = None
        overrides = given.parameters(self.get_fully_qualified_name())
        overrides |= {parameter.name: parameter.value for parameter in parameter_overrides or ()}
        super().__init__(overrides)
        if enable_rosout:
            self._rosout = self.create_publisher(
                message("rcl_interfaces/msg/Log"), "/rosout", qos_profile_rosout_default
            )
            add_sink(self._logger.name, self._publish_log)
        self._parameter_events = self.create_publisher(
            message("rcl_interfaces/msg/ParameterEvent"),
            "/parameter_events",
            qos_profile_parameter_events,
        )
        try:
            self.add_on_set_parameters_callback(_refuse_simulated_time)
            self.declare_parameter("use_sim_time", False)
            if automatically_declare_parameters_from_overrides:
                for name in overrides.keys() - {"use_sim_time"}:
                    self.declare_parameter(name)
            if start_parameter_services:
                ParameterService(self)
        except BaseException:
            self.destroy_node()
            raise
        self.context.add_node(self)

    def get_name(self) -> str:
        return self._name

    def get_namespace(self) -> str:
        return self._namespace

    def get_fully_qualified_name(self) -> str:
        return f"{self._namespace.rstrip('/')}/{self._name}"

    def get_logger(self) -> Logger:
        return self._logger

    def get_clock(self) -> Clock:
        return self._clock

    def resolve_topic_name(self, topic: str, *, only_expand: bool = False) -> str:
        """The full name, after remapping. Raises InvalidNameException."""
        full = self._expand(topic)
        if not FULL_NAME.fullmatch(full):
            raise InvalidNameException(f"topic or service name {full!r} is not like /one/two")
        if only_expand:
            return full
        for remap in self._arguments.remaps:
            if remap.node in (None, self._given_name) and self._expand(remap.source) == full:
                return self._expand(remap.target)
        return full

    resolve_service_name = resolve_topic_name

    def create_publisher(
        self, msg_type: Any, topic: str, qos_profile: QoSProfile | int
    ) -> Publisher:
        return self._add(
            Publisher(self, msg_type, self.resolve_topic_name(topic), as_profile(qos_profile))
        )

    def create_subscription(
        self,
        msg_type: Any,
        topic: str,
        callback: Callable[[Any], object],
        qos_profile: QoSProfile | int,
        *,
        callback_group: CallbackGroup | None = None,
        raw: bool = False,
    ) -> Subscription:
        """raw: give the callback the serialised message, as bytes."""
        return self._add(
            Subscription(
                self,
                msg_type,
                self.resolve_topic_name(topic),
                callback,
                as_profile(qos_profile),
                callback_group,
                raw,
            )
        )

    def create_service(
        self,
        srv_type: Any,
        srv_name: str,
        callback: Callable[[Any, Any], Any],
        *,
        qos_profile: QoSProfile = qos_profile_services_default,
        callback_group: CallbackGroup | None = None,
    ) -> Service:
        """callback: takes the request and an empty response, returns the response."""
        name = self.resolve_service_name(srv_name)
        return self._add(Service(self, srv_type, name, callback, qos_profile, callback_group))

    def create_client(
        self,
        srv_type: Any,
        srv_name: str,
        *,
        qos_profile: QoSProfile = qos_profile_services_default,
        callback_group: CallbackGroup | None = None,
    ) -> Client:
        name = self.resolve_service_name(srv_name)
        return self._add(Client(self, srv_type, name, qos_profile, callback_group))

    def create_timer(
        self,
        timer_period_sec: float,
        callback: Callable[[], object],
        callback_group: CallbackGroup | None = None,
    ) -> Timer:
        return self._add(Timer(self, timer_period_sec, callback, callback_group))

    def destroy_entity(self, entity: Entity) -> bool:
        """Whether it was one of this node's."""
        with self._entities_lock:
            if entity not in self._entities:
                return False
            self._entities.remove(entity)
        entity.close()
        self.context.announce()
        self.wake()
        return True

    destroy_publisher = destroy_entity
    destroy_subscription = destroy_entity
    destroy_service = destroy_entity
    destroy_client = destroy_entity
    destroy_timer = destroy_entity

    def destroy_node(self) -> None:
        """End all that is the node's. A second time is harmless."""
        remove_sink(self._logger.name)
        if self.executor is not None:
            self.executor.remove_node(self)
        self.context.remove_node(self)
        with self._entities_lock:
            entities, self._entities = self._entities, []
        for entity in entities:
            entity.close()

    def entities(self) -> list[Entity]:
        with self._entities_lock:
            return list(self._entities)

    def wake(self) -> None:
        """Make the executor look again at what there is to do."""
        if self.executor is not None:
            self.executor.wake()

    def report_incompatible_qos(self) -> None:
        """Log each peer that can not be heard or reached since the last time."""
        for entity in self.entities():
            if warning := entity.incompatible():
                self._logger.warning(warning)

    def publish_parameter_event(self, **parameters: list[Parameter]) -> None:
        if self._parameter_events is None:
            return
        self._parameter_events.publish(
            message("rcl_interfaces/msg/ParameterEvent")(
                stamp=self._clock.now().to_msg(),
                node=self.get_fully_qualified_name(),
                **{
                    kind: [parameter.to_parameter_msg() for parameter in changed]
                    for kind, changed in parameters.items()
                },
            )
        )

    def _expand(self, name: str) -> str:
        if name.startswith("/"):
            return name
        if name == "~" or name.startswith("~/"):
            return self.get_fully_qualified_name() + name[1:]
        return f"{self._namespace.rstrip('/')}/{name}"

    def _add(self, entity: Any) -> Any:
        with self._entities_lock:
            self._entities.append(entity)
        self.context.announce()
        self.wake()
        return entity

    def _publish_log(self, record: Record) -> None:
        if self._rosout is None or not self.context.ok():
            return
        sec, nanosec = divmod(record.nanoseconds, 10**9)
        with contextlib.suppress(RuntimeError):  # the node is on its way out
            self._rosout.publish(
                message("rcl_interfaces/msg/Log")(
                    stamp=message("builtin_interfaces/msg/Time")(sec=sec, nanosec=nanosec),
                    level=record.severity,
                    name=record.logger,
                    msg=record.text,
                    file=record.file,
                    function=record.function,
                    line=record.line,
                )
            )


def _refuse_simulated_time(changed: list[Parameter]) -> Any:
    if any(parameter.name == "use_sim_time" and parameter.value for parameter in changed):
        return Result(successful=False, reason="cape_ros.wire knows no simulated time")
    return Result(successful=True)
