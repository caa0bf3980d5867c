"""What is published of the points: smooth, measured, and in one order."""

from __future__ import annotations

import numpy as np
import pytest
from world import SHAPE, Camera, Thing, World, category


def test_smoothing_is_live_and_measured_points_stay_available() -> None:
    camera = Camera(World(Thing(lambda t: (200, 200)), noise=0.3))
    places: dict[float, list[np.ndarray]] = {0.0: [], 1.0: []}
    for smoothing in places:
        camera.settings = type(camera.settings)(smoothing=smoothing)
        for _ in range(60):
            (one,) = camera.look()
            places[smoothing].append(one.keypoints)
            assert one.measured is not None
            assert (one.measured == one.keypoints).all() == (smoothing == 0 or one.age == 0)
    raw, smooth = (
        float(np.median(np.linalg.norm(np.diff(places[each][20:], axis=0), axis=-1)))
        for each in (0.0, 1.0)
    )
    assert raw > 0.3
    assert smooth < 0.15


@pytest.mark.parametrize("flip", [[1, 0, 3, 2, 4]])
def test_interchangeable_keypoints_do_not_flip(flip: list[int]) -> None:
    """The network takes left for right in every second image."""
    camera = Camera(World(Thing(lambda t: (200 + 20 * t, 200))), category(symmetries=[flip]))
    (first,) = camera.look()
    for image in range(10):
        camera.world.order = np.array(flip) if image % 2 == 0 else None
        (one,) = camera.look()
        assert one.track_id == first.track_id
        expected = camera.world.things[0].points(camera.world.time)
        assert np.abs(one.keypoints - expected).max() < 3


def test_without_symmetries_the_order_is_the_networks() -> None:
    camera = Camera(World(Thing(lambda t: (200, 200))), smoothing=0.0)
    camera.look()
    camera.world.order = np.array([1, 0, 3, 2, 4])
    (one,) = camera.look()
    assert np.allclose(one.keypoints, (SHAPE + 200)[camera.world.order])


def test_an_object_that_turns_is_followed_with_its_velocities() -> None:
    turning = Thing(lambda t: (200, 200), angle=lambda t: 0.5 * t)
    camera = Camera(World(turning, noise=0.1))
    for _ in range(20):
        (one,) = camera.look()
    before, after = (
        turning.points(camera.world.time - 0.05),
        turning.points(camera.world.time + 0.05),
    )
    assert np.abs(one.velocities - (after - before) / 0.1).max() < 6
