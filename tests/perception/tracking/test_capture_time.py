"""Cameras whose stamps stand still."""

from __future__ import annotations

import pytest
from world import Thing, World, category

from cape_ros.perception.tracking import CaptureTime, Tracker, TrackingSettings, track_ids


def test_stamps_count_wherever_they_go_on() -> None:
    time = CaptureTime()
    assert [time.of(stamp, came) for stamp, came in ((50.0, 3.0), (50.1, 3.4), (49.0, 3.5))] == [
        50.0,
        50.1,
        49.0,
    ]


@pytest.mark.parametrize("stamp", [0.0, 1.7e9])
def test_stamps_that_stand_still_go_on_as_the_images_come(stamp: float) -> None:
    time = CaptureTime()
    taken = [time.of(stamp, came) for came in (3.0, 3.1, 3.3)]
    assert taken == pytest.approx([stamp, stamp + 0.1, stamp + 0.3], abs=1e-6)


@pytest.mark.parametrize("stamp", [0.0, 1.7e9])
def test_an_object_that_has_left_is_not_predicted_for_ever(stamp: float) -> None:
    world = World(Thing(lambda t: (200, 200), visible=lambda t: t < 1.0))
    tracker = Tracker(world, track_ids(), lambda: world.spent)  # type: ignore[arg-type]
    time = CaptureTime()
    for number in range(40):
        world.time = number / 10
        taken = time.of(stamp, world.time)
        objects = tracker.estimate(world.image(), {"cup": category()}, TrackingSettings(), taken)
        assert bool(objects) or number >= 10
    assert objects == []
