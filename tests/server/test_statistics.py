"""What became of each frame, how long it took, and what the log says of failing ones."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from steered import IMAGE, SECONDS, Stand, wait_for

from cape_ros.core.errors import DeviceError, Fault, InvalidInput
from cape_ros.core.throttled_log import PERIOD, ThrottledLog
from cape_ros.perception.inference.timing import Timing
from cape_ros.server.server import CameraCounts, Frame, Percentiles, Result
from cape_ros.server.statistics import LATENCIES_KEPT, STAGES, Tally, kinds


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    with Stand.on(tmp_path) as stand:
        stand.register("cup")
        yield stand


def test_each_camera_is_counted_for_itself(stand: Stand) -> None:
    stand.hold("a")
    for _ in range(3):
        stand.server.submit(Frame("a", IMAGE))
    stand.server.submit(Frame("b", np.zeros((0, 4, 3), np.uint8)))
    assert stand.server.statistics.cameras == {
        "a": CameraCounts(received=4, dropped=2, pending=2),
        "b": CameraCounts(received=1, pending=1),
    }
    stand.let_go()
    stand.settle()
    assert stand.server.statistics.cameras == {
        "a": CameraCounts(received=4, dropped=2, answered=2),
        "b": CameraCounts(received=1, failed=1),
    }
    assert stand.server.statistics.rejected == {"image": 1}


def test_a_frame_that_waits_at_the_end_is_dropped(stand: Stand) -> None:
    stand.hold()
    stand.server.submit(Frame("a", IMAGE))
    with ThreadPoolExecutor(1) as pool:
        closed = pool.submit(stand.server.close)
        wait_for(lambda: stand.server.statistics.dropped)
        stand.let_go()
        closed.result(SECONDS)
    counts = stand.server.statistics.cameras["a"]
    assert counts == CameraCounts(received=2, answered=1, dropped=1)


def test_a_result_says_where_its_time_went(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("cape_ros.server.frame_queue.time.monotonic", lambda: now[0])

    def publish(result: Result) -> None:
        stand.results.append(result)
        now[0] += 2.0

    stand.on_result = publish
    stand.estimator.took = 0.1  # for each of the 14 crops of a search
    stand.show(received=97.0)
    (result,) = stand.results
    assert result.stages == pytest.approx(
        {"wait": 3.0, "preprocess": 14 * 0.025, "network": 14 * 0.075, "total": 3.0}
    )
    assert result.seconds == result.stages["total"]
    assert {name: stage.median for name, stage in stand.server.statistics.stages.items()} == (
        pytest.approx({**result.stages, "publish": 2.0, "total": 5.0})
    )


def test_percentiles_of_the_last_frames_only() -> None:
    tally = Tally()
    for second in range(LATENCIES_KEPT + 101):
        tally.time({stage: second * 10**at for at, stage in enumerate(STAGES)})
    stages = tally.statistics({}).stages
    middle = 101 + (LATENCIES_KEPT - 1) / 2
    assert stages["wait"].median == pytest.approx(middle)
    assert stages["network"].median == pytest.approx(100 * middle)
    assert stages["wait"].p95 == pytest.approx(101 + 0.95 * (LATENCIES_KEPT - 1))


def test_before_the_first_frame_nothing_is_known(stand: Stand) -> None:
    statistics = stand.server.statistics
    assert tuple(statistics.stages) == STAGES
    assert all(
        math.isnan(stage.median) and math.isnan(stage.p95) for stage in statistics.stages.values()
    )
    assert isinstance(statistics.stages["wait"], Percentiles)
    assert statistics.cameras == {}
    assert (statistics.received, statistics.answered, statistics.dropped) == (0, 0, 0)


def test_time_is_taken_of_the_frame_and_not_of_an_estimate_between(stand: Stand) -> None:
    stand.estimator.took = 1.0
    stand.show()
    stand.server.estimate(IMAGE)
    stand.show()
    assert [result.stages["network"] for result in stand.results] == [14 * 0.75, 0.75]
    assert Timing(3, 2) - Timing(1, 1) + Timing(1, 0) == Timing(3, 1)


def test_kinds_are_few() -> None:
    faults = [Fault("shots[3].keypoints[17]", "x"), Fault("shots[0].keypoints[1]", "y")]
    assert kinds(InvalidInput(faults)) == ["shots.keypoints"]
    assert kinds(DeviceError("gone")) == ["DeviceError"]
    assert kinds(KeyError(3)) == ["internal error"]


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    texts = [record.getMessage() for record in caplog.records]
    caplog.clear()
    return texts


def test_failing_frames_do_not_flood_the_log(
    stand: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(100):
        stand.show(image=np.zeros((0, 4, 3), np.uint8))
    assert lines(caplog) == ["frame of a rejected: image: has no pixels"]
    stand.estimator.fail = RuntimeError("boom")
    for _ in range(3):
        stand.show()
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert lines(caplog) == ["frame of a failed"]
    stand.estimator.now += PERIOD
    stand.show()
    stand.show(image=np.zeros((0, 4, 3), np.uint8))
    assert lines(caplog) == [
        "frame of a failed (2 more of the kind before this one)",
        "frame of a rejected: image: has no pixels (99 more of the kind before this one)",
    ]
    assert stand.server.statistics.rejected == {"image": 101}
    assert stand.server.statistics.failures == {"RuntimeError": 4}


def test_a_failing_listener_does_not_flood_the_log(
    stand: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(result: Result) -> None:
        raise RuntimeError("the listener fails")

    stand.on_result = fail
    for _ in range(10):
        stand.show()
    assert lines(caplog) == ["a listener to the results failed"]
    counts = stand.server.statistics.cameras["a"]
    assert counts == CameraCounts(received=10, answered=10)


def test_a_line_after_a_quiet_while_stands_alone(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    log = ThrottledLog(logging.getLogger("cape_ros.test"), lambda: now[0])
    for at in (0, 1, 5, 20):
        now[0] = at
        log.log(logging.WARNING, "kind", f"at {at} of 100%")
    log.log(logging.WARNING, "another kind", "too")
    assert lines(caplog) == [
        "at 0 of 100%",
        "at 5 of 100% (1 more of the kind before this one)",
        "at 20 of 100%",
        "too",
    ]
