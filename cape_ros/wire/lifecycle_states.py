"""The states of a managed node and the ways between them, as rcl_lifecycle has them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple

from cape_ros.wire.exceptions import RCLError
from cape_ros.wire.interfaces import message

StateMessage: Any = message("lifecycle_msgs/msg/State")
TransitionMessage: Any = message("lifecycle_msgs/msg/Transition")


class LifecycleState(NamedTuple):
    label: str
    state_id: int


class TransitionCallbackReturn(Enum):
    """How the callback of a transition ended."""

    SUCCESS = TransitionMessage.TRANSITION_CALLBACK_SUCCESS
    FAILURE = TransitionMessage.TRANSITION_CALLBACK_FAILURE
    ERROR = TransitionMessage.TRANSITION_CALLBACK_ERROR

    def to_label(self) -> str:
        """Of the transition that follows."""
        return f"transition_{self.name.lower()}"


class Transition(NamedTuple):
    """start, goal: labels of states."""

    transition_id: int
    label: str
    start: str
    goal: str


STATES = {
    name.rpartition("STATE_")[2].lower(): getattr(StateMessage, name)
    for name in (
        "PRIMARY_STATE_UNKNOWN",
        "PRIMARY_STATE_UNCONFIGURED",
        "PRIMARY_STATE_INACTIVE",
        "PRIMARY_STATE_ACTIVE",
        "PRIMARY_STATE_FINALIZED",
        "TRANSITION_STATE_CONFIGURING",
        "TRANSITION_STATE_CLEANINGUP",
        "TRANSITION_STATE_SHUTTINGDOWN",
        "TRANSITION_STATE_ACTIVATING",
        "TRANSITION_STATE_DEACTIVATING",
        "TRANSITION_STATE_ERRORPROCESSING",
    )
}


def _outcomes(name: str, during: str, *goals: str) -> list[Transition]:
    """The ways out of a transition state, on success, on failure and on error.

    name: of the constants of lifecycle_msgs/msg/Transition.
    """
    return [
        Transition(
            getattr(TransitionMessage, f"TRANSITION_ON_{name}_{outcome.name}"),
            outcome.to_label(),
            during,
            goal,
        )
        for outcome, goal in zip(TransitionCallbackReturn, goals, strict=True)
    ]


T = TransitionMessage
TRANSITIONS = [
    Transition(T.TRANSITION_CONFIGURE, "configure", "unconfigured", "configuring"),
    *_outcomes("CONFIGURE", "configuring", "inactive", "unconfigured", "errorprocessing"),
    Transition(T.TRANSITION_CLEANUP, "cleanup", "inactive", "cleaningup"),
    *_outcomes("CLEANUP", "cleaningup", "unconfigured", "inactive", "errorprocessing"),
    Transition(T.TRANSITION_ACTIVATE, "activate", "inactive", "activating"),
    *_outcomes("ACTIVATE", "activating", "active", "inactive", "errorprocessing"),
    Transition(T.TRANSITION_DEACTIVATE, "deactivate", "active", "deactivating"),
    *_outcomes("DEACTIVATE", "deactivating", "inactive", "active", "errorprocessing"),
    Transition(T.TRANSITION_UNCONFIGURED_SHUTDOWN, "shutdown", "unconfigured", "shuttingdown"),
    Transition(T.TRANSITION_INACTIVE_SHUTDOWN, "shutdown", "inactive", "shuttingdown"),
    Transition(T.TRANSITION_ACTIVE_SHUTDOWN, "shutdown", "active", "shuttingdown"),
    *_outcomes("SHUTDOWN", "shuttingdown", "finalized", "finalized", "errorprocessing"),
    *_outcomes("ERROR", "errorprocessing", "unconfigured", "finalized", "finalized"),
]

Described = tuple[int, str, int, str, int, str]  # a transition, its start and its goal


class StateMachine:
    """Where a node is. Its properties and methods are those of rclpy's `_state_machine`."""

    def __init__(self, on_change: Callable[[Transition], None]) -> None:
        """on_change: called after every step."""
        self._label = "unconfigured"
        self._on_change = on_change
        self._lock = threading.Lock()

    @property
    def current_state(self) -> tuple[int, str]:
        label = self._label
        return STATES[label], label

    @property
    def available_states(self) -> list[tuple[int, str]]:
        return [(number, label) for label, number in STATES.items()]

    @property
    def available_transitions(self) -> list[Described]:
        """Those that can begin now."""
        label = self._label
        return [_described(step) for step in TRANSITIONS if step.start == label]

    @property
    def transition_graph(self) -> list[Described]:
        return [_described(step) for step in TRANSITIONS]

    def get_transition_by_label(self, label: str) -> int:
        """Of those that can begin now. Raises RCLError if there is none."""
        return self._find("label", label).transition_id

    def trigger_transition_by_id(self, transition_id: int) -> None:
        """Raises RCLError, and stays, if it cannot begin now."""
        self._trigger("transition_id", transition_id)

    def trigger_transition_by_label(self, label: str) -> None:
        """Raises RCLError, and stays, if it cannot begin now."""
        self._trigger("label", label)

    def _trigger(self, by: str, value: object) -> None:
        with self._lock:
            step = self._find(by, value)
            self._label = step.goal
        self._on_change(step)

    def _find(self, by: str, value: object) -> Transition:
        for step in TRANSITIONS:
            if step.start == self._label and getattr(step, by) == value:
                return step
        raise RCLError(f"no transition {value!r} begins in the state {self._label}")


def _described(step: Transition) -> Described:
    number, label, start, goal = step
    return number, label, STATES[start], start, STATES[goal], goal
