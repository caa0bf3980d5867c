"""A constant-velocity Kalman filter for the keypoints of one object.

The keypoints share a motion: their velocities are drawn towards the shift, rotation and scaling
that fits them best. So a point that is not trusted moves as the others do.
"""

from __future__ import annotations

import numpy as np

LONGEST_STEP = 1.0  # [s] that a velocity is believed without a measurement
ACCELERATION = 1e-5  # spectral density in size^2 / s^3: little, see `_inflation`
INITIAL_SPEED = 2.0  # standard deviation in sizes / s of an object that was just found
OWN_SPEED = 0.5  # standard deviation in sizes / s of a keypoint against the shared motion
SLACK = 2.0  # of the median squared innovation over the measurements' variance; 0.7 in theory
OUTLIER = 6.0  # of one keypoint's mean squared innovation over its own variance


class KeypointFilter:
    """points: [K, 2] pixels. velocities: [K, 2] pixels / s. Both float64; x and y of a keypoint
    share their covariance."""

    def __init__(self, points: np.ndarray, variance: np.ndarray, size: float) -> None:
        """variance: [K] of the points. size: of the object in pixels."""
        self.points = points.astype(np.float64)
        self.velocities = np.zeros_like(self.points)
        self._pp = variance.astype(np.float64)  # position, position and velocity, velocity
        self._pv = np.zeros(len(points))
        self._vv = np.full(len(points), (INITIAL_SPEED * size) ** 2)

    def predict(self, seconds: float, size: float) -> None:
        """Move on by so many seconds, at most by `LONGEST_STEP`."""
        dt = min(max(seconds, 0.0), LONGEST_STEP)
        noise = ACCELERATION * size**2
        self.points += dt * self.velocities
        self._pp += 2 * dt * self._pv + dt**2 * self._vv + noise * dt**3 / 3
        self._pv += dt * self._vv + noise * dt**2 / 2
        self._vv += noise * dt

    def update(self, points: np.ndarray, variance: np.ndarray, size: float) -> None:
        """Take in measured points [K, 2], each with its variance [K]."""
        innovation = points - self.points
        inflation = self._inflation((innovation**2).mean(axis=1), variance)
        pp, pv, vv = (inflation * each for each in (self._pp, self._pv, self._vv))
        gain_p, gain_v = pp / (pp + variance), pv / (pp + variance)
        self.points += gain_p[:, None] * innovation
        self.velocities += gain_v[:, None] * innovation
        self._pp, self._pv, self._vv = pp * (1 - gain_p), pv * (1 - gain_p), vv - gain_v * pv
        self._share_motion(size)

    def _inflation(self, squared: np.ndarray, variance: np.ndarray) -> np.ndarray:
        """Factors [K] of the covariance, at least 1: what moves otherwise than predicted is
        followed at once, and what stands still is smoothed all the same (a strong tracking filter).

        squared: [K] mean squared innovation.
        """
        surprise = float(np.median(squared / variance)) - SLACK
        expected = max(float(np.median(self._pp / variance)), 1e-9)
        all_points = max(1.0, surprise / expected)
        total = all_points * self._pp + variance
        alone = (squared - variance) / np.maximum(self._pp, 1e-12)
        alone = np.where(squared > OUTLIER * total, alone, all_points)
        return np.clip(alone, 1.0, 1e6)

    def _share_motion(self, size: float) -> None:
        own = (OWN_SPEED * size) ** 2
        pull = self._vv / (self._vv + own)
        shared = shared_motion(self.points, self.velocities, 1 / np.maximum(self._vv, 1e-9))
        self.velocities += pull[:, None] * (shared - self.velocities)
        self._pv *= 1 - pull
        self._vv = self._vv * own / (self._vv + own)


def shared_motion(points: np.ndarray, velocities: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The velocities [K, 2] of the one shift, rotation and scaling that fits best.

    points, velocities: [K, 2]. weights: [K], above 0.
    """
    weights = (weights / weights.sum())[:, None]
    from_centre = points - (weights * points).sum(axis=0)
    shift = (weights * velocities).sum(axis=0)
    spread = float((weights * from_centre**2).sum())
    if spread < 1e-9:
        return np.broadcast_to(shift, velocities.shape)
    across = np.stack((-from_centre[:, 1], from_centre[:, 0]), axis=1)
    scaling = (weights * from_centre * velocities).sum() / spread
    rotation = (weights * across * velocities).sum() / spread
    moved: np.ndarray = shift + scaling * from_centre + rotation * across
    return moved
