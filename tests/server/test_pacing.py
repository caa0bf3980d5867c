"""When a camera's next frame is worth waiting for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from steered import IMAGE, SECONDS, Stand

from cape_ros.server.pacing import INTERVALS_KEPT, LATE_TOLERANCE, FramePacer
from cape_ros.server.server import CameraCounts, Frame

PERIOD = 0.03


def pacer(*late: float, count: int = INTERVALS_KEPT + 1) -> tuple[FramePacer, float]:
    """A camera after some frames, the last ones late by so much, and when its last one came."""
    made, arrival = FramePacer(), 0.0
    for index in range(count):
        delay = late[index - count] if index >= count - len(late) else 0.0
        arrival = index * PERIOD + delay
        made.see(arrival)
    return made, arrival


@pytest.mark.parametrize(
    ("age", "inference_time", "due"),
    [
        (0.02, 0.12, 0.01),  # due soon, and the last one is old
        (0.02, 0.07, None),  # an eighth of the inference time is less than that
        (0.012, 1.0, None),  # the last one is still rather new
        (0.0001, 1.0, None),  # it has just come: the model had nothing to do
        (0.031, 0.12, None),  # overdue: the camera may have stopped
    ],
)
def test_a_frame_that_is_due_before_the_last_one_is_twice_as_old(
    age: float, inference_time: float, due: float | None
) -> None:
    camera, last = pacer()
    expected = 0.0 if due is None else due + LATE_TOLERANCE * PERIOD
    assert camera.wait_time(last + age, inference_time) == pytest.approx(expected)


def test_nobody_waits_for_a_camera_that_is_not_known_yet() -> None:
    camera, last = pacer(count=INTERVALS_KEPT)
    assert camera.wait_time(last + 0.02, 0.12) == 0


def test_a_slow_camera_that_stops_does_not_hold_up_the_model() -> None:
    camera = FramePacer()
    for second in range(INTERVALS_KEPT + 1):
        camera.see(float(second))
    assert 0 < camera.wait_time(INTERVALS_KEPT + 0.99, 0.12) < 0.03


def test_nobody_waits_for_an_irregular_camera() -> None:
    camera, last = pacer(0.009, 0.0, 0.0)
    assert camera.wait_time(last + 0.02, 0.12) == 0


def test_a_little_jitter_is_no_matter() -> None:
    camera, last = pacer(0.002, -0.002, 0.0)
    assert camera.wait_time(last + 0.025, 0.12) == pytest.approx(
        0.005 + LATE_TOLERANCE * PERIOD, abs=1e-3
    )


@pytest.fixture
def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stand]:
    """The model waits for a newer frame than the one that it could take now."""
    with Stand.on(tmp_path) as stand:
        stand.register("cup")
        stand.hold(header=0)
        monkeypatch.setattr(FramePacer, "wait_time", lambda *_: SECONDS)
        stand.server.submit(Frame("a", IMAGE, header=1))
        stand.estimator.gate.set()
        wait_for(lambda: len(stand.results) == 1)
        yield stand
        stand.server.pause()


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS / 2
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.001)


def test_the_newer_frame_is_taken_and_the_other_is_counted(stand: Stand) -> None:
    stand.server.submit(Frame("a", IMAGE, header=2))
    wait_for(lambda: len(stand.results) == 2)
    assert [result.frame.header for result in stand.results] == [0, 2]
    counts = CameraCounts(received=3, dropped=1, answered=2)
    wait_for(lambda: stand.server.statistics.cameras["a"] == counts)


def test_another_camera_does_not_wait(stand: Stand) -> None:
    stand.server.submit(Frame("b", IMAGE, header=3))
    wait_for(lambda: len(stand.results) >= 2)
    assert [result.frame.header for result in stand.results][:2] == [0, 1]


def test_a_pause_does_not_wait(stand: Stand) -> None:
    stand.server.pause()
    stand.settle()
    assert [result.frame.header for result in stand.results] == [0]


def test_the_end_does_not_wait(stand: Stand) -> None:
    stand.server.close()
    assert stand.server.statistics.cameras["a"] == CameraCounts(received=2, dropped=1, answered=1)
