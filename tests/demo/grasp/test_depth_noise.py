"""Depth as a stereo camera has it."""

from __future__ import annotations

import numpy as np

from cape_ros.demo.grasp.depth_noise import BASELINE, NOISE, measure, shadows

FOCAL = 600.0


def wall(distance: float) -> np.ndarray:
    return np.full((120, 160), distance)


def test_noise_grows_with_the_square_of_the_distance() -> None:
    generator = np.random.default_rng(0)
    for distance in (0.5, 1.0, 2.0):
        seen = measure(wall(distance), FOCAL, generator)
        errors = seen[seen > 0] / 1000 - distance
        np.testing.assert_allclose(errors.std(), NOISE * distance**2, rtol=0.2)
        assert abs(errors.mean()) < NOISE * distance**2 / 10


def test_what_the_second_eye_does_not_see_has_no_depth() -> None:
    depth = wall(1.0)
    depth[:, 60:100] = 0.5
    hidden = shadows(depth, FOCAL)
    wide = round(FOCAL * BASELINE * (1 / 0.5 - 1 / 1.0))
    columns = np.flatnonzero(hidden[0])
    assert (hidden == hidden[0]).all()
    assert abs(len(columns) - wide) <= 2
    assert abs(columns.max() - 59) <= 1  # beside the left edge of what is near
    assert not measure(depth, FOCAL, np.random.default_rng(0))[:, columns].any()


def test_what_is_too_near_or_too_far_has_no_depth() -> None:
    for distance in (0.1, 6.0):
        assert not measure(wall(distance), FOCAL, np.random.default_rng(0)).any()
