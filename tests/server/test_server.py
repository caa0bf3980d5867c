"""Frames and commands: nothing is lost uncounted, nothing half-registered is ever seen."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from steered import IMAGE, SECONDS, Stand, category

from cape_ros.core.errors import CapeError
from cape_ros.perception.objects import ObjectRequest
from cape_ros.perception.tracking import TrackingSettings
from cape_ros.server.server import Frame, RegisterMode, Result


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    with Stand.on(tmp_path) as stand:
        yield stand


def test_one_registration_then_keypoints_on_the_next_frame(stand: Stand) -> None:
    stand.show()
    assert stand.results[-1].objects == []
    stored = stand.server.register(category())
    stand.show(header="h")
    (found,) = stand.results[-1].objects
    assert stand.results[-1].frame.header == "h"
    assert (found.category, found.category_version) == ("cup", stored.version)
    assert found.track_id >= 0
    assert found.score > 0.8


def test_the_newest_frame_of_each_camera_wins_and_the_others_are_counted(stand: Stand) -> None:
    stand.register("cup")
    stand.hold(header=0)
    for header in range(1, 6):
        stand.server.submit(Frame("a", IMAGE, header=header))
        stand.server.submit(Frame("b", IMAGE, header=header))
    stand.let_go()
    stand.settle()
    assert [(r.frame.camera, r.frame.header) for r in stand.results] == [
        ("a", 0),
        ("a", 5),
        ("b", 5),
    ]
    statistics = stand.server.statistics
    assert (statistics.received, statistics.dropped, statistics.answered) == (11, 8, 3)
    assert statistics.stages["total"].median > 0


def test_one_thread_owns_the_model(stand: Stand) -> None:
    stand.register("cup")
    stand.show()
    assert len(stand.estimator.threads) == 1
    assert threading.get_ident() not in stand.estimator.threads


def test_an_object_is_searched_once_then_tracked_then_searched_again(stand: Stand) -> None:
    stand.register("cup")
    for _ in range(3):
        stand.show()
    assert stand.estimator.batches == [14, 1, 1]
    stand.estimator.visible = False
    stand.show()
    (lost,) = stand.results[-1].objects
    assert lost.predicted
    stand.estimator.visible = True
    stand.show()
    assert stand.estimator.batches[-3:] == [1, 14, 1]
    (found,) = stand.results[-1].objects
    assert not found.predicted
    assert found.track_id == lost.track_id == stand.results[0].objects[0].track_id


def test_searches_take_a_quarter_of_the_time_while_something_is_followed(stand: Stand) -> None:
    stand.estimator.took = 0.01
    stand.estimator.only = {"cup"}
    stand.register("cup")
    stand.show()
    for name in ("pan", "pot"):
        stand.register(name)
        stand.show()  # what is new is searched at once
    stand.estimator.batches.clear()
    began = stand.estimator.now
    for _ in range(200):
        stand.show()
    searching = stand.estimator.batches.count(14) * 14 * stand.estimator.took
    assert stand.estimator.batches.count(1) == 200
    assert 0.2 <= searching / (stand.estimator.now - began) <= 0.26


def one_camera_sees_a_cup_and_one_no_pan(stand: Stand, **frame: Any) -> None:
    """frame: those of the first camera."""
    stand.estimator.took = 0.01
    stand.estimator.only = {"cup"}
    stand.register("cup", "pan")
    stand.server.activate("a", ["cup"])
    stand.server.activate("b", ["pan"])
    for camera in ("a", "b"):  # what is new is searched at once
        stand.show(camera, **(frame if camera == "a" else {}))
    assert stand.found("a") == ["cup"]
    stand.estimator.batches.clear()


def test_searches_of_a_camera_that_sees_nothing_hold_up_no_other_one(stand: Stand) -> None:
    one_camera_sees_a_cup_and_one_no_pan(stand)
    began = stand.estimator.now
    for _ in range(200):
        for camera in ("a", "b"):
            stand.show(camera)
        assert stand.found("a") == ["cup"]
    searching = stand.estimator.batches.count(14) * 14 * stand.estimator.took
    assert stand.estimator.batches.count(1) == 200
    assert 0.2 <= searching / (stand.estimator.now - began) <= 0.26
    stand.estimator.only = {"pan"}
    for _ in range(10):  # the cup is out of sight: the pan is searched in each image again
        for camera in ("a", "b"):
            stand.show(camera)
    assert stand.found("b") == ["pan"]


def searches_of_a_camera_that_sees_nothing(stand: Stand, **frame: Any) -> int:
    """In 20 of its frames. frame: those of another camera, which sees a cup."""
    one_camera_sees_a_cup_and_one_no_pan(stand, **frame)
    for _ in range(20):
        stand.show("a", **frame)
        stand.show("b")
    return stand.estimator.batches.count(14)


def test_searches_hold_up_no_camera_with_boxes_of_a_detector(stand: Stand) -> None:
    cup = ObjectRequest("cup", (16.0, 8.0, 32.0, 32.0))
    assert searches_of_a_camera_that_sees_nothing(stand, requests=[cup]) <= 2


def test_searches_are_not_held_back_for_a_camera_that_has_stopped(stand: Stand) -> None:
    ago = time.monotonic() - 10
    assert searches_of_a_camera_that_sees_nothing(stand, received=ago) == 20


def test_registration_while_frames_flow(stand: Stand) -> None:
    stop = threading.Event()

    def camera() -> None:
        while not stop.wait(0.001):
            stand.server.submit(Frame("a", IMAGE))

    thread = threading.Thread(target=camera)
    thread.start()
    try:
        for version in range(1, 16):
            keypoints = 3 + version % 2
            stored = stand.server.register(category(keypoints=keypoints), RegisterMode.REPLACE)
            assert stored.version == version
    finally:
        stop.set()
        thread.join()
    stand.settle()
    versions = []
    for result in stand.results:
        for found in result.objects:
            expected = result.categories[found.category]
            assert found.category_version == expected.version
            assert len(found.keypoints) == len(expected.keypoint_names)
            versions.append(found.category_version)
    assert versions == sorted(versions)


def test_bad_frames_are_counted_and_survived(stand: Stand) -> None:
    stand.register("cup")
    stand.show(image=np.zeros((0, 4, 3), np.uint8))
    stand.estimator.fail = RuntimeError("boom")
    stand.show()
    stand.estimator.fail = None
    assert stand.results == []
    assert stand.server.statistics.rejected == {"image": 1}
    assert stand.server.statistics.failures == {"RuntimeError": 1}
    stand.show()
    assert len(stand.results) == 1


def test_a_frame_that_asks_for_a_category_removed_meanwhile(stand: Stand) -> None:
    stand.register("cup")
    stand.register("pan")
    stand.hold()
    remover = threading.Thread(target=stand.server.remove, args=["pan"])
    remover.start()
    box = (10.0, 10.0, 40.0, 30.0)
    stand.estimator.gate.set()
    remover.join()
    stand.show(requests=[ObjectRequest("pan", box)])
    assert stand.server.statistics.rejected == {"requests.category": 1}
    stand.show(requests=[ObjectRequest("cup", box)])
    assert [found.category for found in stand.results[-1].objects] == ["cup"]


def test_one_may_wait_until_nothing_is_left_to_do(stand: Stand) -> None:
    stand.register("cup")
    assert stand.server.wait_until_idle(SECONDS)
    stand.hold("a")
    stand.server.submit(Frame("b", IMAGE))
    assert not stand.server.wait_until_idle(0.02)
    stand.estimator.gate.set()
    assert stand.server.wait_until_idle(SECONDS)
    assert stand.server.statistics.answered == 2
    stand.server.close()
    assert stand.server.wait_until_idle()


def test_what_comes_after_the_end_is_refused(stand: Stand) -> None:
    stand.register("cup")
    stand.server.close()
    stand.server.submit(Frame("a", IMAGE))
    with pytest.raises(CapeError, match="has stopped"):
        stand.register("pan")
    with pytest.raises(CapeError, match="has stopped"):
        stand.server.remove("cup")
    stand.server.close()
    assert stand.results == []
    assert (stand.server.statistics.received, stand.server.statistics.dropped) == (1, 1)
    assert list(stand.server.categories) == ["cup"]


def test_a_listener_that_fails_does_not_stop_the_camera(stand: Stand) -> None:
    def fail(result: Result) -> None:
        raise RuntimeError("the listener fails")

    stand.on_result = fail
    stand.show()
    assert stand.server.statistics.failures == {"RuntimeError": 1}
    stand.on_result = stand.results.append
    stand.show()
    assert len(stand.results) == 1


def test_a_search_that_fails_is_counted_and_the_stream_goes_on(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stand.server.tracking = TrackingSettings(max_instances=2)
    stand.register("cup")
    stand.show()

    def fail(*args: object) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr(stand.estimator, "detect", fail)
    stand.show()
    assert stand.server.statistics.failures == {"MemoryError": 1}
    assert [one.predicted for one in stand.results[-1].objects] == [False]
    assert "a search for more objects failed" in caplog.text
