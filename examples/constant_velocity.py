"""A moving position between its measurements, and after the last one."""

from __future__ import annotations

import numpy as np

SPEED = 0.3  # [m/s] standard deviation of the velocity of an object that was seen once


class Motion:
    """Position and constant velocity: a Kalman filter for each axis.

    seconds: stamp of the last measurement. velocity: [3] m/s.
    """

    def __init__(self, seconds: float, position: np.ndarray, variance: np.ndarray) -> None:
        self.seconds = seconds
        self._state = np.stack((position, np.zeros(3)), axis=1)
        self._covariance = np.zeros((3, 2, 2))
        self._covariance[:, 0, 0] = variance
        self._covariance[:, 1, 1] = SPEED**2

    def update(
        self, seconds: float, position: np.ndarray, variance: np.ndarray, acceleration: float
    ) -> None:
        """seconds: not before the last. acceleration: [m/s in a second] deviation of the change."""
        step = seconds - self.seconds
        self.seconds = seconds
        change = np.array(((1, step), (0, 1)))
        noise = acceleration**2 * np.array(((step**3 / 3, step**2 / 2), (step**2 / 2, step)))
        state = self._state @ change.T
        covariance = change @ self._covariance @ change.T + noise
        gain = covariance[:, :, 0] / (covariance[:, 0, 0] + variance)[:, None]
        self._state = state + gain * (position - state[:, 0])[:, None]
        self._covariance = covariance - gain[:, :, None] * covariance[:, None, 0]

    @property
    def velocity(self) -> np.ndarray:
        return self._state[:, 1]

    def after(self, step: float) -> np.ndarray:
        """[3] the position `step` seconds after the last measurement."""
        return self._state[:, 0] + step * self.velocity
