"""Inverse kinematics by damped least squares."""

from __future__ import annotations

import numpy as np

DAMPING = 0.05
TO_HOME = 0.05  # share of the way home that a step may go beside its task
LARGEST_STEP = 0.2  # [rad]


def damped_step(jacobian: np.ndarray, error: np.ndarray, to_home: np.ndarray) -> np.ndarray:
    """[J] rad: change of the angles that reduces an error [6], of a Jacobian [6, J]; what the task
    leaves free goes towards home, which is [J] away."""
    square = jacobian @ jacobian.T + DAMPING**2 * np.eye(6)
    pseudo = jacobian.T @ np.linalg.inv(square)
    free = np.eye(len(to_home)) - pseudo @ jacobian
    step: np.ndarray = pseudo @ error + free @ (TO_HOME * to_home)
    return step * min(1.0, LARGEST_STEP / max(float(np.abs(step).max()), 1e-9))
