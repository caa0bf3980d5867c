from __future__ import annotations

import pytest
from lifecycle_msgs.msg import State as StateMessage
from lifecycle_msgs.msg import Transition, TransitionEvent
from lifecycle_msgs.srv import ChangeState, GetAvailableStates, GetAvailableTransitions, GetState
from rclpy.lifecycle import LifecycleNode, ManagedEntity, Node, State, TransitionCallbackReturn
from rclpy.node import Node as PlainNode
from std_msgs.msg import String

from .conftest import wait_for

SUCCESS = TransitionCallbackReturn.SUCCESS
FAILURE = TransitionCallbackReturn.FAILURE
ERROR = TransitionCallbackReturn.ERROR


class Scripted(LifecycleNode):
    """Each callback does what the script says, and is written down with the state it began in."""

    def __init__(self, **script):
        super().__init__("cape", enable_communication_interface=False)
        self.called: list[tuple[str, str]] = []
        for name in ("configure", "activate", "deactivate", "cleanup", "shutdown", "error"):
            setattr(self, f"on_{name}", self.make(name, script.get(name, SUCCESS)))

    def make(self, name, outcome):
        def callback(state):
            self.called.append((name, state.label))
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        return callback

    @property
    def state(self) -> str:
        return self._state_machine.current_state[1]


def test_the_whole_life_of_a_node(ros):
    node = Scripted()
    for step, state in (
        ("configure", "inactive"),
        ("activate", "active"),
        ("deactivate", "inactive"),
        ("activate", "active"),
        ("deactivate", "inactive"),
        ("cleanup", "unconfigured"),
        ("configure", "inactive"),
        ("shutdown", "finalized"),
    ):
        assert getattr(node, f"trigger_{step}")() == SUCCESS
        assert node.state == state
    assert node.called[:3] == [
        ("configure", "unconfigured"),
        ("activate", "inactive"),
        ("deactivate", "active"),
    ]
    with pytest.raises(RuntimeError, match="finalized"):
        node.trigger_shutdown()


def test_a_failure_leads_back_to_where_it_began(ros):
    assert (node := Scripted(configure=FAILURE)).trigger_configure() == FAILURE
    assert node.state == "unconfigured"
    node = Scripted(activate=FAILURE, cleanup=FAILURE)
    node.trigger_configure()
    assert node.trigger_activate() == FAILURE
    assert node.trigger_cleanup() == FAILURE
    assert node.state == "inactive"
    assert [name for name, _ in node.called] == ["configure", "activate", "cleanup"]
    node = Scripted(shutdown=FAILURE)
    node.trigger_shutdown()
    assert node.state == "finalized"


@pytest.mark.parametrize("fault", [ERROR, ZeroDivisionError("no weights"), None], ids=repr)
@pytest.mark.parametrize(
    ("handled", "state"),
    [
        (SUCCESS, "unconfigured"),
        (FAILURE, "finalized"),
        (ERROR, "finalized"),
        (KeyError("again"), "finalized"),
    ],
    ids=repr,
)
def test_after_an_error_on_error_decides(ros, fault, handled, state):
    node = Scripted(activate=fault, error=handled)
    node.trigger_configure()
    assert node.trigger_activate() == ERROR
    assert node.called == [
        ("configure", "unconfigured"),
        ("activate", "inactive"),
        ("error", "inactive"),
    ]
    assert node.state == state


def test_what_a_callback_raises_is_in_the_log(ros, capfd):
    Scripted(configure=ZeroDivisionError("no weights")).trigger_configure()
    assert "on_configure failed" in (said := capfd.readouterr().err)
    assert "ZeroDivisionError: no weights" in said


def test_a_transition_out_of_place_changes_nothing(ros, capfd):
    node = Scripted()
    assert node.trigger_activate() == ERROR
    assert (node.state, node.called) == ("unconfigured", [])
    assert "Unable to start transition 3" in capfd.readouterr().err


def test_a_publisher_is_silent_until_the_node_is_active(spin):
    node, listener, heard = LifecycleNode("cape"), PlainNode("listener"), []
    listener.create_subscription(String, "/text", lambda message: heard.append(message.data), 10)
    publisher = node.create_lifecycle_publisher(String, "/text", 10)
    spin(listener)
    wait_for(publisher.get_subscription_count)
    for step in ("configure", "activate", "deactivate", "activate"):
        publisher.publish(String(data=f"before {step}"))
        assert publisher.is_activated == (step == "deactivate")
        getattr(node, f"trigger_{step}")()
    publisher.publish(String(data="last"))
    wait_for(lambda: "last" in heard)
    assert heard == ["before deactivate", "last"]
    assert node.destroy_lifecycle_publisher(publisher)
    assert node.trigger_deactivate() == SUCCESS
    assert not node.destroy_lifecycle_publisher(publisher)


def test_managed_entities_have_a_say(ros):
    class Refuses(ManagedEntity):
        def on_activate(self, state):
            return FAILURE

    node = Node("cape", enable_communication_interface=False)
    node.add_managed_entity(Refuses())
    assert node.trigger_configure() == SUCCESS
    assert node.trigger_activate() == FAILURE
    with pytest.raises(TypeError, match="ManagedEntity"):
        node.add_managed_entity(object())


def test_state_names_and_numbers_are_those_of_ros():
    assert State(label="active", state_id=3) == ("active", 3)
    assert (SUCCESS.value, FAILURE.value, ERROR.value) == (97, 98, 99)
    assert SUCCESS.to_label() == "transition_success"


@pytest.fixture
def managed(spin):
    """A managed node, and a function that calls one of its services from another node."""
    node, caller = LifecycleNode("cape"), PlainNode("caller")
    spin(node, caller)

    def call(srv_type, name, request=None):
        client = caller.create_client(srv_type, f"/cape/{name}")
        assert client.wait_for_service(30)
        return client.call(request or srv_type.Request(), timeout_sec=30)

    return node, call


def change(number: int = 0, label: str = "") -> ChangeState.Request:
    return ChangeState.Request(transition=Transition(id=number, label=label))


def test_others_see_and_change_the_state(managed):
    _, call = managed
    state = call(GetState, "get_state").current_state
    assert state == StateMessage(id=StateMessage.PRIMARY_STATE_UNCONFIGURED, label="unconfigured")
    assert call(ChangeState, "change_state", change(Transition.TRANSITION_CONFIGURE)).success
    assert call(ChangeState, "change_state", change(label="activate")).success
    for refused in (change(Transition.TRANSITION_CONFIGURE), change(label="configure"), change(77)):
        assert not call(ChangeState, "change_state", refused).success
    state = call(GetState, "get_state").current_state
    assert (state.id, state.label) == (3, "active")
    assert call(ChangeState, "change_state", change(label="shutdown")).success
    assert call(GetState, "get_state").current_state.label == "finalized"


def test_others_see_what_could_be(managed):
    _, call = managed
    states = call(GetAvailableStates, "get_available_states").available_states
    assert [(state.id, state.label) for state in states] == [
        (0, "unknown"),
        (1, "unconfigured"),
        (2, "inactive"),
        (3, "active"),
        (4, "finalized"),
        (10, "configuring"),
        (11, "cleaningup"),
        (12, "shuttingdown"),
        (13, "activating"),
        (14, "deactivating"),
        (15, "errorprocessing"),
    ]

    def steps(name: str) -> list[tuple[int, str, str, str]]:
        return [
            (
                step.transition.id,
                step.transition.label,
                step.start_state.label,
                step.goal_state.label,
            )
            for step in call(GetAvailableTransitions, name).available_transitions
        ]

    assert steps("get_available_transitions") == [
        (1, "configure", "unconfigured", "configuring"),
        (5, "shutdown", "unconfigured", "shuttingdown"),
    ]
    graph = steps("get_transition_graph")
    assert len(graph) == 25
    assert (62, "transition_error", "errorprocessing", "finalized") in graph


def test_others_hear_of_every_step(managed):
    node, _ = managed
    listener, heard = PlainNode("listener"), []
    listener.create_subscription(TransitionEvent, "/cape/transition_event", heard.append, 10)
    node.executor.add_node(listener)
    wait_for(lambda: node._transition_events.get_subscription_count())
    node.trigger_configure()
    wait_for(lambda: len(heard) == 2)
    assert [(event.start_state.label, event.goal_state.label) for event in heard] == [
        ("unconfigured", "configuring"),
        ("configuring", "inactive"),
    ]


def test_the_services_can_be_left_out(ros):
    node = LifecycleNode("cape", enable_communication_interface=False)
    names = [getattr(entity, "srv_name", "") for entity in node.entities()]
    assert not any(name.startswith(("/cape/change_state", "/cape/get_state")) for name in names)
