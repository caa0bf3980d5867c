"""A grasp: from a frame of the object to motions of the arm, and whether the object was lifted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cape_ros.demo.grasp.arm import Arm, Unreachable, straight
from cape_ros.demo.grasp.objects import GraspFrame, SimulatedObject
from cape_ros.demo.grasp.scene import HOME, Scene

BEFORE = 0.10  # [m] from which the gripper comes straight to the grasp
UP = 0.15  # [m] that it lifts
LIFTED = 0.10  # [m] that the object has to be lifted
HELD = 1.0  # [s] for which it has to stay lifted
LOWEST = 0.02  # [m] above the table, of the fingertips' middle


@dataclass(frozen=True, eq=False)
class Plan:
    """Joint angles [N, 7] to before the grasp, to the grasp, and up."""

    reach: np.ndarray
    approach: np.ndarray
    lift: np.ndarray


def plan(arm: Arm, frame: GraspFrame, one: SimulatedObject) -> Plan:
    """Of both ways round of a gripper with two fingers, the one with less motion. Raises
    `Unreachable`."""
    plans, reason = [], Unreachable("")
    for way_round in (1.0, -1.0):
        rotation = frame.rotation * np.array([way_round, way_round, 1.0])
        try:
            plans.append(_plan(arm, frame.position, rotation, one))
        except Unreachable as error:
            reason = error
    if not plans:
        raise reason
    return min(plans, key=lambda each: float(np.abs(each.approach[-1] - HOME).max()))


def _plan(arm: Arm, position: np.ndarray, rotation: np.ndarray, one: SimulatedObject) -> Plan:
    approach = rotation[:, 2]
    grasp = position + one.depth * approach
    grasp[2] = max(grasp[2], LOWEST)
    before = grasp - BEFORE * approach
    reach = arm.way([(before, rotation)], arm.angles)
    down = arm.way(straight(before, grasp, rotation), reach[-1])
    up = arm.way(straight(grasp, grasp + np.array([0, 0, UP]), rotation), down[-1])
    return Plan(reach, down, up)


def execute(arm: Arm, scene: Scene, planned: Plan, one: SimulatedObject) -> bool:
    """Whether the object was lifted and stayed so."""
    start = scene.pose(one.name)[1][2]
    arm.grip(one.opening, 0.2)
    arm.move(planned.reach, 1.6)
    arm.rest(0.4)
    arm.move(planned.approach, 1.2)
    arm.rest(0.4)
    arm.grip(0, 0.6)
    arm.move(planned.lift, 1.4)
    heights = []
    for _ in range(10):
        arm.rest(HELD / 10)
        heights.append(scene.pose(one.name)[1][2] - start)
    return bool(min(heights) >= LIFTED)
