"""Poses of a tracked object over time: that of a still one settles, a moving one is followed.

An error-state Kalman filter on position and rotation. A still object has no velocity; once its
measurements contradict that for more than a moment, it moves with a constant velocity, until that
velocity can be none again.
"""

from __future__ import annotations

import numpy as np

from cape_ros.perception.spatial import rigid

DRIFT = (0.001, 0.005)  # [m, rad] in a second, of what is still: standard deviations
ACCELERATION = (0.2, 1.0)  # [m, rad] / s^2 in a second, of what moves steadily
SPEED = (0.5, 1.5)  # [m, rad] / s, when a motion changes
CORRELATED = 0.1  # of a measurement's covariance is the same in every image
SURPRISE = 3.0  # mean squared innovation, 1 in theory, from which a motion has changed
MEMORY = 0.6  # of that mean, for each image
STILL = 12.6  # squared Mahalanobis distance of a velocity from none, 95 % in six dimensions
SETTLING = 0.5  # [s] without a velocity until an object is still
JUMP = 60.0  # squared innovation of a measurement that is not believed
MOST_JUMPS = 2  # one after the other; then it is believed
LONGEST_STEP = 1.0  # [s] that a velocity is believed without a measurement


class PoseFilter:
    """The filtered pose of one object in a frame that does not move, such as a robot's base.

    moving: whether it moves. velocity: [6] m / s and rad / s about the frame's axes.
    """

    _covariance: np.ndarray  # [12, 12] of the pose, then of its velocity
    _surprise: float
    _jumps: int
    _seconds: float

    def __init__(self, pose: rigid.Pose, seconds: float) -> None:
        """pose: the first measurement. seconds: its stamp."""
        self._restart(pose, seconds)

    def update(self, measured: rigid.Pose, seconds: float) -> rigid.Pose:
        """Take in a measurement; the pose at its stamp. One before the last stamp starts anew."""
        if seconds < self._seconds:
            self._restart(measured, seconds)
            return self._pose(measured.covariance)
        self._predict(seconds - self._seconds)
        self._seconds = seconds
        innovation = np.concatenate(
            (
                measured.translation - self._translation,
                rigid.vector_of(measured.rotation @ self._rotation.T),
            )
        )
        total = self._covariance[:6, :6] + measured.covariance
        squared = float(innovation @ np.linalg.solve(total, innovation))
        if squared > JUMP:
            self._jumps += 1
            if self._jumps <= MOST_JUMPS and not self.moving:
                return self._pose(measured.covariance)
        self._jumps = 0
        self._surprise = MEMORY * self._surprise + (1 - MEMORY) * squared / 6
        if self._surprise > SURPRISE:
            self._change_motion(innovation)
            total = self._covariance[:6, :6] + measured.covariance
        gain = np.linalg.solve(total, self._covariance[:6]).T
        self._correct(gain @ innovation)
        self._covariance -= gain @ self._covariance[:6]
        self._covariance = (self._covariance + self._covariance.T) / 2
        self._see_whether_still(seconds)
        return self._pose(measured.covariance)

    def at(self, seconds: float) -> rigid.Pose:
        """The pose at a later stamp, without a measurement."""
        step = min(max(seconds - self._seconds, 0.0), LONGEST_STEP)
        change, noise = self._transition(step)
        covariance = (change @ self._covariance @ change.T + noise)[:6, :6]
        moved = step * self.velocity
        rotation = rigid.rotation_of(moved[3:]) @ self._rotation
        return rigid.Pose(rotation, self._translation + moved[:3], covariance)

    def _restart(self, pose: rigid.Pose, seconds: float) -> None:
        self.moving, self.velocity = False, np.zeros(6)
        self._rotation, self._translation = pose.rotation, pose.translation
        self._covariance = np.zeros((12, 12))
        self._covariance[:6, :6] = pose.covariance
        self._seconds, self._moved = seconds, seconds
        self._surprise, self._jumps = 1.0, 0

    def _pose(self, measured: np.ndarray) -> rigid.Pose:
        covariance = self._covariance[:6, :6] + CORRELATED * measured
        return rigid.Pose(self._rotation, self._translation, covariance)

    def _transition(self, step: float) -> tuple[np.ndarray, np.ndarray]:
        change, noise = np.eye(12), np.zeros((12, 12))
        eye = np.eye(6)
        if self.moving:
            change[:6, 6:] = step * eye
            density = np.diag(np.repeat(np.square(ACCELERATION), 3))
            noise[:6, :6], noise[6:, 6:] = density * step**3 / 3, density * step
            noise[:6, 6:] = noise[6:, :6] = density * step**2 / 2
        else:
            noise[:6, :6] = np.diag(np.repeat(np.square(DRIFT), 3)) * step
        return change, noise

    def _predict(self, step: float) -> None:
        change, noise = self._transition(min(step, LONGEST_STEP))
        self._covariance = change @ self._covariance @ change.T + noise
        moved = min(step, LONGEST_STEP) * self.velocity
        self._translation = self._translation + moved[:3]
        self._rotation = rigid.rotation_of(moved[3:]) @ self._rotation

    def _correct(self, change: np.ndarray) -> None:
        self._translation = self._translation + change[:3]
        self._rotation = rigid.rotation_of(change[3:6]) @ self._rotation
        if self.moving:
            self.velocity = self.velocity + change[6:]

    def _change_motion(self, innovation: np.ndarray) -> None:
        """Any velocity is possible now."""
        self.moving, self._moved, self._surprise = True, self._seconds, 1.0
        self._covariance[:6, :6] += np.outer(innovation, innovation)
        self._covariance[6:, 6:] += np.diag(np.repeat(np.square(SPEED), 3))

    def _see_whether_still(self, seconds: float) -> None:
        if not self.moving:
            return
        spread = self._covariance[6:, 6:]
        if self.velocity @ np.linalg.solve(spread, self.velocity) > STILL:
            self._moved = seconds
        elif seconds - self._moved > SETTLING:
            self.moving, self.velocity, self._surprise = False, np.zeros(6), 1.0
            self._covariance[6:] = 0.0
            self._covariance[:, 6:] = 0.0
