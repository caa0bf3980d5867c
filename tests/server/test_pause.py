"""Pause and resume, a camera that goes, and the first frames after a start."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import numpy as np
import pytest
from steered import IMAGE, SECONDS, Stand, category

from cape_ros.core.errors import CapeError, InvalidInput
from cape_ros.server.server import CameraCounts, Frame, Result


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    with Stand.on(tmp_path) as stand:
        stand.register("cup")
        yield stand


def test_frames_of_a_pause_are_counted_and_not_processed(stand: Stand) -> None:
    stand.server.pause()
    stand.estimator.batches.clear()
    for _ in range(3):
        stand.show()
    assert stand.results == []
    assert stand.estimator.batches == []
    assert stand.server.statistics.cameras["a"] == CameraCounts(received=3, paused=3)
    stand.server.resume()
    stand.show()
    assert stand.found() == ["cup"]


def test_in_mid_frame(stand: Stand) -> None:
    """The frame in work and the one that waits are not published, not even after a resume."""
    stand.hold()
    stand.server.submit(Frame("a", IMAGE))
    stand.server.submit(Frame("b", IMAGE))
    stand.server.pause()
    counts = stand.server.statistics.cameras
    assert counts["a"] == CameraCounts(received=2, paused=1, pending=1)
    assert counts["b"] == CameraCounts(received=1, paused=1)
    stand.server.resume()
    stand.let_go()
    assert stand.results == []
    assert stand.server.statistics.cameras["a"] == CameraCounts(received=2, paused=2)
    stand.show()
    assert stand.found() == ["cup"]


def test_pausing_waits_for_a_result_that_is_being_published(stand: Stand) -> None:
    with ThreadPoolExecutor(1) as pool:
        pauses = []

        def publish(result: Result) -> None:
            pauses.append(pool.submit(stand.server.pause))
            assert wait(pauses, 0.05).not_done
            stand.results.append(result)

        stand.on_result = publish
        stand.show()
        pauses[0].result(SECONDS)
    assert len(stand.results) == 1


def test_a_listener_may_pause_it(stand: Stand) -> None:
    stand.on_result = lambda result: stand.server.pause()
    stand.show()
    stand.show()
    counts = stand.server.statistics.cameras["a"]
    assert counts == CameraCounts(received=2, answered=1, paused=1)


def test_what_was_followed_is_found_anew(stand: Stand) -> None:
    stand.show()
    stand.server.pause()
    stand.server.resume()
    stand.show()
    first, second = (result.objects[0].track_id for result in stand.results)
    assert -1 < first < second
    assert stand.estimator.batches == [14, 14]


def test_commands_work_all_the_same(stand: Stand) -> None:
    stand.server.pause()
    stand.register("pan")
    stand.server.remove("cup")
    stand.server.activate("a", ["pan"])
    (found,) = stand.server.estimate(IMAGE)
    assert found.category == "pan"
    assert found.score > 0.8
    assert stand.results == []


def test_twice_is_as_good_as_once(stand: Stand) -> None:
    stand.server.resume()
    stand.show()
    stand.server.pause()
    stand.server.pause()
    stand.server.resume()
    stand.show()
    assert len(stand.results) == 2


def test_a_pause_does_not_undo_the_end(stand: Stand) -> None:
    stand.server.close()
    stand.server.pause()
    stand.server.resume()
    stand.server.submit(Frame("a", IMAGE))
    assert stand.server.statistics.cameras["a"] == CameraCounts(received=1, dropped=1)


def test_the_passes_to_come_are_run_before_the_first_frame(stand: Stand) -> None:
    before, version = dict(stand.server.categories), stand.server.database_version
    stand.server.warm_up((48, 64))
    assert stand.estimator.batches == [14, 1]
    assert stand.estimator.asked_for == {("stand-in", 4)}
    assert (dict(stand.server.categories), stand.server.database_version) == (before, version)
    stand.server.remove("cup")
    stand.server.register(category("pin", keypoints=2))
    stand.estimator.asked_for.clear()
    stand.server.warm_up()
    assert stand.estimator.asked_for == {("stand-in", 2)}
    with pytest.raises(InvalidInput, match="image"):
        stand.server.warm_up((1, 1))
    stand.server.close()
    with pytest.raises(CapeError, match="has stopped"):
        stand.server.warm_up()


def test_nothing_asks_what_time_of_day_it_is(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a clock that is set nor header stamps that jump make any difference."""

    def set_back() -> float:
        raise AssertionError("the time of day was asked")

    monkeypatch.setattr("time.time", set_back)
    for header in (5, 3, 0, None, -1):
        stand.show(header=header)
    assert [result.frame.header for result in stand.results] == [5, 3, 0, None, -1]
    assert all(np.array(list(result.stages.values())).min() >= 0 for result in stand.results)
