"""rclpy.node."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from cape_ros.wire import arguments, rclpy
from cape_ros.wire.callback_groups import CallbackGroup, MutuallyExclusiveCallbackGroup
from cape_ros.wire.client import Client
from cape_ros.wire.clock import Clock, ROSClock
from cape_ros.wire.context import Context
from cape_ros.wire.entity import Entity
from cape_ros.wire.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from cape_ros.wire.interfaces import message
from cape_ros.wire.logging import Logger, get_logger, remove_sink
from cape_ros.wire.node_names import NodeNames
from cape_ros.wire.parameter import Parameter
from cape_ros.wire.parameter_service import ParameterService
from cape_ros.wire.parameters import DeclaredParameters
from cape_ros.wire.participant import Participant
from cape_ros.wire.publisher import Publisher
from cape_ros.wire.qos import (
    QoSProfile,
    as_profile,
    qos_profile_parameter_events,
    qos_profile_services_default,
)
from cape_ros.wire.qos_overriding_options import QoSOverridingOptions, overridden
from cape_ros.wire.rosout import Rosout
from cape_ros.wire.service import Service
from cape_ros.wire.subscription import Subscription
from cape_ros.wire.time_source import USE_SIM_TIME_NAME, TimeSource
from cape_ros.wire.timer import Timer

if TYPE_CHECKING:
    from cape_ros.wire.executors import Executor


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
        self._names = NodeNames(node_name, namespace, given)
        self._entities: list[Entity] = []
        self._entities_lock = threading.Lock()
        self.executor: Executor | None = None
        self.default_callback_group: CallbackGroup = MutuallyExclusiveCallbackGroup()
        self._clock = ROSClock()
        self._logger = get_logger(self.get_fully_qualified_name()[1:].replace("/", "."))
        self._parameter_events: Publisher | None = None
        overrides = given.parameters(self.get_fully_qualified_name())
        overrides |= {parameter.name: parameter.value for parameter in parameter_overrides or ()}
        super().__init__(overrides)
        if enable_rosout:
            Rosout(self)
        self._parameter_events = self.create_publisher(
            message("rcl_interfaces/msg/ParameterEvent"),
            "/parameter_events",
            qos_profile_parameter_events,
        )
        try:
            TimeSource(self, self._clock)
            if automatically_declare_parameters_from_overrides:
                for name in overrides.keys() - {USE_SIM_TIME_NAME}:
                    self.declare_parameter(name, overrides[name])
            if start_parameter_services:
                ParameterService(self)
        except BaseException:
            self.destroy_node()
            raise
        self.context.add_node(self)

    def get_name(self) -> str:
        return self._names.name

    def get_namespace(self) -> str:
        return self._names.namespace

    def get_fully_qualified_name(self) -> str:
        return self._names.full

    def get_logger(self) -> Logger:
        return self._logger

    def get_clock(self) -> Clock:
        return self._clock

    def resolve_topic_name(self, topic: str, *, only_expand: bool = False) -> str:
        """The full name, after remapping. Raises InvalidNameException."""
        return self._names.resolve(topic, only_expand)

    resolve_service_name = resolve_topic_name

    def create_publisher(
        self,
        msg_type: Any,
        topic: str,
        qos_profile: QoSProfile | int,
        *,
        callback_group: CallbackGroup | None = None,
        event_callbacks: PublisherEventCallbacks | None = None,
        qos_overriding_options: QoSOverridingOptions | None = None,
        publisher_class: type[Publisher] = Publisher,
    ) -> Publisher:
        """callback_group: of the event callbacks."""
        name, asked = self.resolve_topic_name(topic), as_profile(qos_profile)
        qos = overridden(self, "publisher", name, asked, qos_overriding_options)
        events = event_callbacks or PublisherEventCallbacks()
        return self._add(publisher_class(self, msg_type, name, qos, callback_group, events))

    def create_subscription(
        self,
        msg_type: Any,
        topic: str,
        callback: Callable[[Any], object],
        qos_profile: QoSProfile | int,
        *,
        callback_group: CallbackGroup | None = None,
        event_callbacks: SubscriptionEventCallbacks | None = None,
        qos_overriding_options: QoSOverridingOptions | None = None,
        raw: bool = False,
    ) -> Subscription:
        """raw: give the callback the serialised message, as bytes."""
        name, asked = self.resolve_topic_name(topic), as_profile(qos_profile)
        qos = overridden(self, "subscription", name, asked, qos_overriding_options)
        events = event_callbacks or SubscriptionEventCallbacks()
        return self._add(
            Subscription(self, msg_type, name, callback, qos, callback_group, events, raw)
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
        clock: Clock | None = None,
    ) -> Timer:
        """clock: that of the node if None, which a simulation may stop."""
        chosen = clock or self._clock
        return self._add(Timer(self, timer_period_sec, callback, callback_group, chosen))

    def destroy_entity(self, entity: Entity) -> bool:
        """Whether it was one of this node's."""
        with self._entities_lock:
            if entity not in self._entities:
                return False
            gone = [entity, *entity.event_handlers]
            self._entities = [other for other in self._entities if other not in gone]
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
        if (executor := self.executor) is not None:
            executor.remove_node(self)
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
        if (executor := self.executor) is not None:  # another thread may take it away
            executor.wake()

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

    def _add(self, entity: Any) -> Any:
        with self._entities_lock:
            self._entities += [entity, *entity.event_handlers]
        self.context.announce()
        self.wake()
        return entity
