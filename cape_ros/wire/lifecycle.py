"""rclpy.lifecycle: nodes that others configure, activate, deactivate, clean up and shut down."""

from __future__ import annotations

import traceback
from typing import Any

from cape_ros.wire.callback_groups import CallbackGroup
from cape_ros.wire.exceptions import RCLError
from cape_ros.wire.interfaces import message, service
from cape_ros.wire.lifecycle_states import (
    STATES,
    Described,
    LifecycleState,
    StateMachine,
    StateMessage,
    Transition,
    TransitionCallbackReturn,
    TransitionMessage,
)
from cape_ros.wire.managed_entity import LifecyclePublisher, ManagedEntity, SimpleManagedEntity
from cape_ros.wire.node import Node as PlainNode
from cape_ros.wire.qos import QoSProfile

__all__ = [
    "LifecycleNode",
    "LifecycleNodeMixin",
    "LifecyclePublisher",
    "LifecycleState",
    "ManagedEntity",
    "SimpleManagedEntity",
]

# The method that is called in a transition state.
CALLBACKS = {
    "configuring": "on_configure",
    "cleaningup": "on_cleanup",
    "shuttingdown": "on_shutdown",
    "activating": "on_activate",
    "deactivating": "on_deactivate",
    "errorprocessing": "on_error",
}


class LifecycleNodeMixin(ManagedEntity):
    """The part of a managed node that a plain node does not have.

    Override on_configure and its like for what a transition has to do, and call the method of
    super() in them: it passes the transition on to the managed publishers. What a callback raises
    is logged and counts as ERROR; after an ERROR on_error decides, SUCCESS leading back to
    unconfigured and anything else to finalized. A FAILURE leads back to where it began.
    """

    def __init__(
        self,
        *,
        enable_communication_interface: bool = True,
        callback_group: CallbackGroup | None = None,
    ) -> None:
        """enable_communication_interface: let others see and change the state.

        callback_group: of the services for that.
        """
        if not isinstance(self, PlainNode):
            raise RuntimeError("LifecycleNodeMixin is the base of a class that also is a Node")
        self._node: PlainNode = self
        self._managed_entities: list[ManagedEntity] = []
        self._state_machine = StateMachine(self._tell_of_transition)
        self._transition_events = None
        if not enable_communication_interface:
            return
        self._transition_events = self._node.create_publisher(
            message("lifecycle_msgs/msg/TransitionEvent"),
            "~/transition_event",
            QoSProfile(depth=10),
        )
        for type_name, name, answer in (
            ("ChangeState", "change_state", self._answer_change_state),
            ("GetState", "get_state", self._answer_get_state),
            ("GetAvailableStates", "get_available_states", self._answer_available_states),
            (
                "GetAvailableTransitions",
                "get_available_transitions",
                self._answer_available_transitions,
            ),
            ("GetAvailableTransitions", "get_transition_graph", self._answer_transition_graph),
        ):
            self._node.create_service(
                service(f"lifecycle_msgs/srv/{type_name}"),
                f"~/{name}",
                answer,
                callback_group=callback_group,
            )

    def trigger_configure(self) -> TransitionCallbackReturn:
        """As all of these: how it went; ERROR, logged, if it cannot begin in the present state."""
        return self._change_state(TransitionMessage.TRANSITION_CONFIGURE)

    def trigger_cleanup(self) -> TransitionCallbackReturn:
        return self._change_state(TransitionMessage.TRANSITION_CLEANUP)

    def trigger_activate(self) -> TransitionCallbackReturn:
        return self._change_state(TransitionMessage.TRANSITION_ACTIVATE)

    def trigger_deactivate(self) -> TransitionCallbackReturn:
        return self._change_state(TransitionMessage.TRANSITION_DEACTIVATE)

    def trigger_shutdown(self) -> TransitionCallbackReturn:
        """Raises RCLError if it cannot begin in the present state."""
        return self._change_state(self._state_machine.get_transition_by_label("shutdown"))

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """state: where the transition began; so for all of these."""
        return self._pass_on("on_configure", state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._pass_on("on_cleanup", state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._pass_on("on_shutdown", state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._pass_on("on_activate", state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._pass_on("on_deactivate", state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._pass_on("on_error", state)

    def add_managed_entity(self, entity: ManagedEntity) -> None:
        """Let it follow the transitions of this node. Raises TypeError for another object."""
        if not isinstance(entity, ManagedEntity):
            raise TypeError(f"Expected a ManagedEntity, got {type(entity)}")
        if entity not in self._managed_entities:
            self._managed_entities.append(entity)

    def create_lifecycle_publisher(
        self, msg_type: Any, topic: str, qos_profile: QoSProfile | int, **options: Any
    ) -> LifecyclePublisher:
        """One that sends while the node is active only. options: those of `create_publisher`."""
        publisher = self._node.create_publisher(
            msg_type, topic, qos_profile, publisher_class=LifecyclePublisher, **options
        )
        assert isinstance(publisher, LifecyclePublisher)
        self._managed_entities.append(publisher)
        return publisher

    def destroy_lifecycle_publisher(self, publisher: LifecyclePublisher) -> bool:
        """Whether it was one of this node's."""
        if publisher in self._managed_entities:
            self._managed_entities.remove(publisher)
        return self._node.destroy_publisher(publisher)

    def _pass_on(self, callback: str, state: LifecycleState) -> TransitionCallbackReturn:
        for entity in list(self._managed_entities):
            outcome = getattr(entity, callback)(state)
            if outcome != TransitionCallbackReturn.SUCCESS:
                return outcome
        return TransitionCallbackReturn.SUCCESS

    def _change_state(self, transition_id: int) -> TransitionCallbackReturn:
        number, label = self._state_machine.current_state
        before = LifecycleState(label=label, state_id=number)
        try:
            self._state_machine.trigger_transition_by_id(transition_id)
        except RCLError as error:
            self._node.get_logger().error(f"Unable to start transition {transition_id}: {error}")
            return TransitionCallbackReturn.ERROR
        outcome = self._finish(before)
        if outcome == TransitionCallbackReturn.ERROR:
            self._finish(before)  # of the error itself
        return outcome

    def _finish(self, before: LifecycleState) -> TransitionCallbackReturn:
        """Call what belongs to the present transition state, and leave that state."""
        callback = CALLBACKS[self._state_machine.current_state[1]]
        try:
            outcome = getattr(self, callback)(before)
            if not isinstance(outcome, TransitionCallbackReturn):
                raise TypeError(f"{callback} returned {outcome!r}, not a TransitionCallbackReturn")
        except Exception:
            self._node.get_logger().error(f"{callback} failed:\n{traceback.format_exc()}")
            outcome = TransitionCallbackReturn.ERROR
        self._state_machine.trigger_transition_by_label(outcome.to_label())
        return outcome

    def _tell_of_transition(self, step: Transition) -> None:
        if self._transition_events is None:
            return
        self._transition_events.publish(
            self._transition_events.msg_type(
                start_state=StateMessage(id=STATES[step.start], label=step.start),
                goal_state=StateMessage(id=STATES[step.goal], label=step.goal),
            )
        )

    def _answer_change_state(self, request: Any, response: Any) -> Any:
        number = request.transition.id
        if label := request.transition.label:
            try:
                number = self._state_machine.get_transition_by_label(label)
            except RCLError as error:
                self._node.get_logger().error(str(error))
                return response
        response.success = self._change_state(number) == TransitionCallbackReturn.SUCCESS
        return response

    def _answer_get_state(self, request: Any, response: Any) -> Any:
        response.current_state.id, response.current_state.label = self._state_machine.current_state
        return response

    def _answer_available_states(self, request: Any, response: Any) -> Any:
        response.available_states = [
            StateMessage(id=number, label=label)
            for number, label in self._state_machine.available_states
        ]
        return response

    def _answer_available_transitions(self, request: Any, response: Any) -> Any:
        response.available_transitions = _describe(self._state_machine.available_transitions)
        return response

    def _answer_transition_graph(self, request: Any, response: Any) -> Any:
        response.available_transitions = _describe(self._state_machine.transition_graph)
        return response


def _describe(steps: list[Described]) -> list[Any]:
    return [
        message("lifecycle_msgs/msg/TransitionDescription")(
            transition=TransitionMessage(id=number, label=label),
            start_state=StateMessage(id=start, label=start_label),
            goal_state=StateMessage(id=goal, label=goal_label),
        )
        for number, label, start, start_label, goal, goal_label in steps
    ]


class LifecycleNode(LifecycleNodeMixin, PlainNode):
    """A node with a life cycle."""

    def __init__(
        self, node_name: str, *, enable_communication_interface: bool = True, **options: Any
    ) -> None:
        """options: those of rclpy.node.Node."""
        PlainNode.__init__(self, node_name, **options)
        LifecycleNodeMixin.__init__(
            self, enable_communication_interface=enable_communication_interface
        )


Node = LifecycleNode
NodeMixin = LifecycleNodeMixin
State = LifecycleState
Publisher = LifecyclePublisher
