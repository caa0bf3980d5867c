"""The filter of one object's keypoints."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cape_ros.perception.tracking.kalman import KeypointFilter, shared_motion

SHAPE = np.array([(0, 0), (60, 0), (60, 40), (0, 40), (30, 20)], float)
SIZE, PERIOD = 60.0, 0.1
CERTAIN = np.full(len(SHAPE), 0.3**2)


def test_still_points_stand_still() -> None:
    random = np.random.default_rng(0)
    noisy = SHAPE + random.normal(0, 0.3, (100, *SHAPE.shape))
    filtered, places = KeypointFilter(noisy[0], CERTAIN, SIZE), []
    for points in noisy[1:]:
        filtered.predict(PERIOD, SIZE)
        filtered.update(points, CERTAIN, SIZE)
        places.append(filtered.points.copy())
    jitter = np.linalg.norm(np.diff(places[20:], axis=0), axis=-1)
    assert np.median(jitter) < 0.15
    assert np.abs(places[-1] - SHAPE).max() < 0.5


@pytest.mark.parametrize("speed", [(20.0, 0.0), (-90.0, 50.0)])
def test_what_moves_is_not_late_and_its_velocity_is_known(speed: tuple[float, float]) -> None:
    filtered = KeypointFilter(SHAPE, CERTAIN, SIZE)
    for step in range(1, 20):
        filtered.predict(PERIOD, SIZE)
        filtered.update(SHAPE + np.multiply(speed, step * PERIOD), CERTAIN, SIZE)
    late = SHAPE + np.multiply(speed, 19 * PERIOD) - filtered.points
    assert np.abs(late).max() < 0.2
    assert np.abs(filtered.velocities - speed).max() < 2


def test_a_sudden_start_is_followed_at_once() -> None:
    filtered = KeypointFilter(SHAPE, CERTAIN, SIZE)
    for _ in range(30):
        filtered.predict(PERIOD, SIZE)
        filtered.update(SHAPE, CERTAIN, SIZE)
    filtered.predict(PERIOD, SIZE)
    filtered.update(SHAPE + 10, CERTAIN, SIZE)
    assert np.abs(filtered.points - SHAPE - 10).max() < 1


def test_a_point_that_is_not_trusted_any_more_moves_on_with_the_others() -> None:
    filtered = KeypointFilter(SHAPE, CERTAIN, SIZE)
    for step in range(1, 21):
        seen, variance = SHAPE + np.array([6.0 * step, 0]), CERTAIN.copy()
        if step > 10:  # it seems to stay where it was
            seen[4] = SHAPE[4] + (60, 0)
            variance[4] = 60.0**2
        filtered.predict(PERIOD, SIZE)
        filtered.update(seen, variance, SIZE)
    assert np.abs(filtered.points - SHAPE - (120, 0)).max() < 15


def test_the_motion_that_points_share_is_found_exactly() -> None:
    centre = np.array([100.0, -40])
    turned = np.stack((-(SHAPE - centre)[:, 1], (SHAPE - centre)[:, 0]), axis=1)
    velocities = np.array([3.0, 5.0]) + 0.2 * (SHAPE - centre) + 0.7 * turned
    assert np.allclose(shared_motion(SHAPE, velocities, np.arange(1.0, 6)), velocities)
    single = shared_motion(SHAPE[:1], velocities[:1], np.ones(1))
    assert np.allclose(single, velocities[:1])


@given(
    st.lists(
        st.tuples(st.floats(0, 100), st.floats(-1e4, 1e4), st.floats(0.05, 1)),
        min_size=1,
        max_size=12,
    )
)
@settings(deadline=None)
def test_any_measurements_at_any_time_leave_finite_numbers(
    steps: list[tuple[float, float, float]],
) -> None:
    filtered = KeypointFilter(SHAPE, CERTAIN, SIZE)
    for seconds, shift, score in steps:
        filtered.predict(seconds, SIZE)
        filtered.update(SHAPE + shift, CERTAIN / score**4, SIZE)
        assert np.isfinite(filtered.points).all()
        assert np.isfinite(filtered.velocities).all()
        away = np.abs(filtered.points - SHAPE - shift)
        assert away.max() <= 3e4
