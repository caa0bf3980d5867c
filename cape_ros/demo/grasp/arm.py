"""The arm: joint angles for a pose of the gripper, and motions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cape_ros.core.errors import CapeError
from cape_ros.demo.grasp.kinematics import damped_step
from cape_ros.demo.grasp.scene import HOME, Scene
from cape_ros.demo.grasp.simulator import mujoco

JOINTS = 7
WIDEST = 0.085  # [m] opening of the gripper
CLOSED = 255.0  # what its actuator takes for closed; 0 is open
STEPS = 200
REACHED = 0.002, 0.01  # [m], [rad]
PERIOD = 0.02  # [s] between two commands
STRAIGHT = 24  # poses on a straight line


class Unreachable(CapeError):
    """There is no way for the arm."""


class Arm:
    """on_time: called after each `PERIOD` of simulated time."""

    def __init__(self, scene: Scene, on_time: Callable[[], None] = lambda: None) -> None:
        self._scene = scene
        self._scratch = mujoco().MjData(scene.model)
        self._site = scene.model.site("tcp").id
        self._on_time = on_time

    @property
    def angles(self) -> np.ndarray:
        """[7] rad, as commanded."""
        return np.array(self._scene.data.ctrl[:JOINTS])

    def solve(self, position: np.ndarray, rotation: np.ndarray, start: np.ndarray) -> np.ndarray:
        """[7] joint angles for the gripper's frame [3], [3, 3]: z out of the hand, x from one
        finger to the other. Damped least squares from `start`. Raises `Unreachable`."""
        model, data = self._scene.model, self._scratch
        low, high = model.jnt_range[:JOINTS].T
        angles: np.ndarray = start.copy()
        jacobian = np.empty((6, model.nv))
        for _ in range(STEPS):
            data.qpos[:JOINTS] = angles
            mujoco().mj_kinematics(model, data)
            mujoco().mj_comPos(model, data)
            site = data.site(self._site)
            error = np.concatenate(
                (position - site.xpos, _turn(rotation @ site.xmat.reshape(3, 3).T))
            )
            if np.linalg.norm(error[:3]) < REACHED[0] / 4 and np.linalg.norm(error[3:]) < 0.002:
                return angles
            mujoco().mj_jacSite(model, data, jacobian[:3], jacobian[3:], self._site)
            angles = np.clip(
                angles + damped_step(jacobian[:, :JOINTS], error, HOME - angles), low, high
            )
        if np.linalg.norm(error[:3]) < REACHED[0] and np.linalg.norm(error[3:]) < REACHED[1]:
            return angles
        reached = np.round(position, 2).tolist()
        raise Unreachable(f"the arm does not reach {reached}")

    def way(self, poses: list[tuple[np.ndarray, np.ndarray]], start: np.ndarray) -> np.ndarray:
        """[N, 7] joint angles for poses one after another. Raises `Unreachable`."""
        angles = [start]
        for position, rotation in poses:
            angles.append(self.solve(position, rotation, angles[-1]))
        return np.array(angles)

    def move(self, way: np.ndarray, seconds: float) -> None:
        """Follow joint angles [N, 7], slowly at both ends."""
        ends = np.linspace(0, 1, len(way))
        for share in np.linspace(0, 1, max(2, round(seconds / PERIOD)))[1:]:
            at = share**3 * (10 - 15 * share + 6 * share**2)
            self._scene.data.ctrl[:JOINTS] = [np.interp(at, ends, column) for column in way.T]
            self._wait(PERIOD)

    def grip(self, opening: float, seconds: float) -> None:
        """opening: [m]; 0 closes the gripper as far as the object allows."""
        self._scene.data.ctrl[JOINTS] = CLOSED * (1 - np.clip(opening / WIDEST, 0, 1))
        self.rest(seconds)

    def rest(self, seconds: float) -> None:
        for _ in range(max(1, round(seconds / PERIOD))):
            self._wait(PERIOD)

    def _wait(self, seconds: float) -> None:
        self._scene.step(seconds)
        self._on_time()


def straight(
    start: np.ndarray, end: np.ndarray, rotation: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Poses on a line from a place [3] to another, all with one orientation."""
    return [(start + share * (end - start), rotation) for share in np.linspace(0, 1, STRAIGHT)]


def _turn(rotation: np.ndarray) -> np.ndarray:
    """[3] rad, of a rotation matrix."""
    quat, turn = np.empty(4), np.empty(3)
    mujoco().mju_mat2Quat(quat, rotation.ravel())
    mujoco().mju_quat2Vel(turn, quat, 1)
    return turn
