"""Poses over time: still objects settle, moving ones are followed, jumps are not believed."""

from __future__ import annotations

import numpy as np
import pytest

from cape_ros.perception.spatial import Pose, PoseFilter, rigid

NOISE = np.array([0.005, 0.005, 0.005, 0.05, 0.05, 0.05])
PERIOD = 1 / 30


def measured(generator: np.random.Generator, place: np.ndarray, rotation: np.ndarray) -> Pose:
    error = generator.normal(size=6) * NOISE
    return Pose(rigid.rotation_of(error[3:]) @ rotation, place + error[:3], np.diag(NOISE**2))


def test_a_still_object_settles() -> None:
    generator = np.random.default_rng(0)
    place, rotation = np.array([0.1, 0.2, 0.6]), rigid.rotation_of(np.array([1.0, -2.0, 0.5]))
    filtered = PoseFilter(measured(generator, place, rotation), 0.0)
    poses = [
        filtered.update(measured(generator, place, rotation), step * PERIOD)
        for step in range(1, 150)
    ]
    assert not filtered.moving
    assert np.linalg.norm(poses[-1].translation - place) < 0.002
    assert rigid.angle_between(poses[-1].rotation, rotation) < 0.02
    steps = np.diff([pose.translation for pose in poses[90:]], axis=0)
    assert np.abs(steps).max() < 0.0005
    assert 0.05 < np.sqrt(poses[-1].covariance[0, 0]) / NOISE[0] < 0.6


def test_a_moving_object_is_followed_and_settles_again() -> None:
    generator = np.random.default_rng(1)
    place, rotation = np.array([0.1, 0.2, 0.6]), np.eye(3)
    filtered = PoseFilter(measured(generator, place, rotation), 0.0)
    lag = []
    for step in range(1, 240):
        if 60 <= step < 120:
            place = place + np.array([0.3 * PERIOD, 0, 0])
            rotation = rigid.rotation_of(np.array([0, 0, 0.5 * PERIOD])) @ rotation
        pose = filtered.update(measured(generator, place, rotation), step * PERIOD)
        if 75 <= step < 120:
            lag.append(np.linalg.norm(pose.translation - place))
            assert filtered.moving
    assert np.median(lag) < 0.012
    assert not filtered.moving
    assert np.linalg.norm(pose.translation - place) < 0.004


def test_a_moving_object_is_predicted() -> None:
    generator = np.random.default_rng(2)
    place, rotation = np.zeros(3), np.eye(3)
    filtered = PoseFilter(measured(generator, place, rotation), 0.0)
    for step in range(1, 60):
        place = np.array([0.3 * step * PERIOD, 0, 0])
        filtered.update(measured(generator, place, rotation), step * PERIOD)
    later = filtered.at(59 * PERIOD + 0.1)
    assert later.translation[0] == pytest.approx(place[0] + 0.03, abs=0.015)
    assert later.covariance[0, 0] > filtered.at(59 * PERIOD).covariance[0, 0]


def test_one_wrong_pose_changes_nothing_and_three_are_believed() -> None:
    generator = np.random.default_rng(3)
    place, rotation = np.array([0.0, 0.0, 0.6]), np.eye(3)
    filtered = PoseFilter(measured(generator, place, rotation), 0.0)
    for step in range(1, 30):
        before = filtered.update(measured(generator, place, rotation), step * PERIOD)
    over = rigid.rotation_of(np.array([0.0, 2.0, 0.0]))
    pose = filtered.update(measured(generator, place, over), 1.0)
    np.testing.assert_allclose(pose.translation, before.translation)
    for step in range(1, 20):
        pose = filtered.update(measured(generator, place, over), 1.0 + step * PERIOD)
    assert rigid.angle_between(pose.rotation, over) < 0.1


def test_a_clock_that_jumps_back_starts_anew() -> None:
    generator = np.random.default_rng(4)
    filtered = PoseFilter(measured(generator, np.zeros(3), np.eye(3)), 100.0)
    place = np.ones(3)
    pose = filtered.update(measured(generator, place, np.eye(3)), 3.0)
    assert np.linalg.norm(pose.translation - place) < 0.03
