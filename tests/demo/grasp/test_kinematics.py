"""Steps of the inverse kinematics."""

from __future__ import annotations

import numpy as np

from cape_ros.demo.grasp.kinematics import LARGEST_STEP, damped_step


def test_steps_reduce_the_error_and_what_is_free_goes_home() -> None:
    jacobian = np.random.default_rng(0).normal(size=(6, 7))
    error, to_home, moved = np.full(6, 0.1), np.linspace(-0.5, 0.5, 7), np.zeros(7)
    start = np.linalg.norm(to_home)
    for _ in range(200):
        step = damped_step(jacobian, error, to_home)
        error, to_home, moved = error - jacobian @ step, to_home - step, moved + step
    assert np.linalg.norm(error) < 1e-3
    free = np.linalg.svd(jacobian)[2][-1]  # the one direction that the task leaves free
    assert abs(free @ to_home) < 1e-3
    assert np.linalg.norm(to_home) < start + np.linalg.norm(moved)


def test_a_step_is_bounded_near_a_singular_posture() -> None:
    jacobian = np.zeros((6, 7))
    jacobian[0, 0] = 1e-3
    step = damped_step(jacobian, np.full(6, 10.0), np.full(7, 3.0))
    assert np.abs(step).max() <= LARGEST_STEP + 1e-12
