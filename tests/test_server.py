"""Frames and commands: nothing is lost uncounted, nothing half-registered is ever seen."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from steered import IMAGE, SteeredEstimator, category

from cape_ros.errors import CapeError, InvalidInput, LibraryError
from cape_ros.perception.category import Category
from cape_ros.perception.library import CategoryLibrary
from cape_ros.perception.objects import ObjectRequest
from cape_ros.server import Frame, RegisterMode, Result, Server


@pytest.fixture
def estimator() -> SteeredEstimator:
    return SteeredEstimator()


@pytest.fixture
def results() -> list[Result]:
    return []


@pytest.fixture
def server(estimator: SteeredEstimator, results: list[Result], tmp_path: Path) -> Iterator[Server]:
    server = Server(
        estimator,  # type: ignore[arg-type]
        CategoryLibrary(tmp_path),
        on_result=results.append,
        clock=lambda: estimator.now,
    )
    yield server
    estimator.gate.set()
    server.close()


def settle(server: Server) -> None:
    """Wait until everything that was handed to the model's thread is done."""
    server._model.submit(lambda: None).result(10)


def test_one_registration_then_keypoints_on_the_next_frame(
    server: Server, results: list[Result]
) -> None:
    server.submit(Frame("a", IMAGE))
    settle(server)
    assert results[-1].objects == []
    stored = server.register(category())
    server.submit(Frame("a", IMAGE, header="h"))
    settle(server)
    (found,) = results[-1].objects
    assert results[-1].frame.header == "h"
    assert (found.category, found.category_version) == ("cup", stored.version)
    assert found.track_id >= 0
    assert found.score > 0.8


def test_the_newest_frame_of_each_camera_wins_and_the_others_are_counted(
    server: Server, estimator: SteeredEstimator, results: list[Result]
) -> None:
    server.register(category())
    estimator.gate.clear()
    server.submit(Frame("a", IMAGE, header=0))
    assert estimator.entered.acquire(timeout=10)
    for header in range(1, 6):
        server.submit(Frame("a", IMAGE, header=header))
        server.submit(Frame("b", IMAGE, header=header))
    estimator.gate.set()
    settle(server)
    settle(server)
    assert [(r.frame.camera, r.frame.header) for r in results] == [("a", 0), ("a", 5), ("b", 5)]
    statistics = server.statistics
    assert (statistics.received, statistics.dropped, statistics.answered) == (11, 8, 3)
    assert statistics.median_latency > 0


def test_one_thread_owns_the_model(server: Server, estimator: SteeredEstimator) -> None:
    server.register(category())
    server.submit(Frame("a", IMAGE))
    settle(server)
    assert len(estimator.threads) == 1
    assert threading.get_ident() not in estimator.threads


def test_an_object_is_searched_once_then_followed_then_searched_again(
    server: Server, estimator: SteeredEstimator, results: list[Result]
) -> None:
    server.register(category())
    for _ in range(3):
        server.submit(Frame("a", IMAGE))
        settle(server)
    assert estimator.batches == [14, 1, 1, 1]
    estimator.visible = False
    server.submit(Frame("a", IMAGE))
    settle(server)
    assert results[-1].objects[0].track_id == -1
    assert results[-1].objects[0].score == 0
    estimator.visible = True
    server.submit(Frame("a", IMAGE))
    settle(server)
    assert estimator.batches[-2:] == [14, 1]
    assert results[-1].objects[0].track_id > results[0].objects[0].track_id


def test_searches_take_a_quarter_of_the_time_while_something_is_followed(
    server: Server, estimator: SteeredEstimator
) -> None:
    estimator.took = 0.01
    estimator.only = {"cup"}
    server.register(category())
    server.submit(Frame("a", IMAGE))
    settle(server)
    for name in ("pan", "pot"):
        server.register(category(name))
    estimator.batches.clear()
    began = estimator.now
    for _ in range(200):
        server.submit(Frame("a", IMAGE))
        settle(server)
    searching = estimator.batches.count(14) * 14 * estimator.took
    assert estimator.batches.count(1) == 200
    assert 0.2 <= searching / (estimator.now - began) <= 0.26


@pytest.mark.parametrize(
    ("first", "mode", "match"),
    [
        (True, RegisterMode.CREATE, "registered already"),
        (False, RegisterMode.ADD_SHOTS, "not registered"),
    ],
)
def test_modes(server: Server, first: bool, mode: RegisterMode, match: str) -> None:
    if first:
        server.register(category())
    version = server.database_version
    with pytest.raises(InvalidInput, match=match):
        server.register(category(), mode)
    assert server.database_version == version
    assert list(server.categories) == (["cup"] if first else [])


def test_shots_are_added_and_versions_grow(server: Server) -> None:
    assert server.register(category()).version == 1
    added = server.register(category(), RegisterMode.ADD_SHOTS)
    assert (added.version, len(added.shots)) == (2, 2)
    assert len(server.register(category(), RegisterMode.REPLACE).shots) == 1
    with pytest.raises(InvalidInput, match="keypoint_names"):
        server.register(category(keypoints=3), RegisterMode.ADD_SHOTS)


def test_added_shots_may_leave_out_the_edges_but_not_change_them(server: Server) -> None:
    server.register(dataclasses.replace(category(), edges=[(0, 1)]))
    assert server.register(category(), RegisterMode.ADD_SHOTS).edges == ((0, 1),)
    with pytest.raises(InvalidInput, match="edges: differ"):
        server.register(dataclasses.replace(category(), edges=[(0, 2)]), RegisterMode.ADD_SHOTS)


def test_a_category_has_only_so_many_shots(server: Server) -> None:
    server.register(category())
    many = dataclasses.replace(category(), shots=category().shots * 64)
    with pytest.raises(InvalidInput, match="shots: 65 are more than 64"):
        server.register(many, RegisterMode.ADD_SHOTS)
    assert server.categories["cup"].version == 1


@pytest.mark.parametrize("where", ["network", "disk"])
def test_a_failed_registration_leaves_the_category_as_it_was(
    server: Server,
    estimator: SteeredEstimator,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
) -> None:
    server.register(category())
    if where == "network":
        estimator.fail = RuntimeError("out of memory")
    else:

        def full(category: Category) -> Category:
            raise LibraryError("the disk is full")

        monkeypatch.setattr(server._library, "put", full)
    with pytest.raises((RuntimeError, LibraryError)):
        server.register(category(keypoints=2), RegisterMode.REPLACE)
    assert server.categories["cup"].version == 1
    assert estimator.known["cup"] is server.categories["cup"]


def test_registration_while_frames_flow(server: Server, results: list[Result]) -> None:
    stop = threading.Event()

    def camera() -> None:
        while not stop.wait(0.001):
            server.submit(Frame("a", IMAGE))

    thread = threading.Thread(target=camera)
    thread.start()
    try:
        for version in range(1, 16):
            keypoints = 3 + version % 2
            stored = server.register(category(keypoints=keypoints), RegisterMode.REPLACE)
            assert stored.version == version
    finally:
        stop.set()
        thread.join()
    settle(server)
    versions = []
    for result in results:
        for found in result.objects:
            expected = result.categories[found.category]
            assert found.category_version == expected.version
            assert len(found.keypoints) == len(expected.keypoint_names)
            versions.append(found.category_version)
    assert versions == sorted(versions)


def test_bad_frames_are_counted_and_survived(
    server: Server, estimator: SteeredEstimator, results: list[Result]
) -> None:
    server.register(category())
    server.submit(Frame("a", np.zeros((0, 4, 3), np.uint8)))
    settle(server)
    estimator.fail = RuntimeError("boom")
    server.submit(Frame("a", IMAGE))
    settle(server)
    estimator.fail = None
    assert results == []
    assert server.statistics.rejected == {"image": 1, "internal error": 1}
    server.submit(Frame("a", IMAGE))
    settle(server)
    assert len(results) == 1


def test_categories_come_back_after_a_restart(
    server: Server, estimator: SteeredEstimator, tmp_path: Path
) -> None:
    server.register(category())
    server.register(category("pan"))
    server.remove("pan")
    with pytest.raises(InvalidInput, match="not registered"):
        server.remove("pan")
    again = Server(SteeredEstimator(), CategoryLibrary(tmp_path))  # type: ignore[arg-type]
    try:
        assert {n: c.version for n, c in again.categories.items()} == {"cup": 1}
        assert again.database_version == server.database_version
    finally:
        again.close()


def test_listeners_hear_of_every_change(estimator: SteeredEstimator, tmp_path: Path) -> None:
    heard: list[tuple[list[str], int]] = []
    listener: Callable = lambda known, version: heard.append((list(known), version))  # noqa: E731
    server = Server(estimator, CategoryLibrary(tmp_path), on_categories=listener)  # type: ignore[arg-type]
    try:
        server.register(category())
        server.remove("cup")
    finally:
        server.close()
    assert [names for names, _ in heard] == [["cup"], []]
    assert heard[0][1] < heard[1][1]


def test_a_frame_that_asks_for_a_category_removed_meanwhile(
    server: Server, estimator: SteeredEstimator, results: list[Result]
) -> None:
    server.register(category())
    server.register(category("pan"))
    estimator.gate.clear()
    server.submit(Frame("a", IMAGE))
    assert estimator.entered.acquire(timeout=10)
    remover = threading.Thread(target=server.remove, args=["pan"])
    remover.start()
    box = (10.0, 10.0, 40.0, 30.0)
    estimator.gate.set()
    remover.join()
    server.submit(Frame("a", IMAGE, requests=[ObjectRequest("pan", box)]))
    settle(server)
    assert server.statistics.rejected == {"requests.category": 1}
    server.submit(Frame("a", IMAGE, requests=[ObjectRequest("cup", box)]))
    settle(server)
    assert [found.category for found in results[-1].objects] == ["cup"]


def test_what_comes_after_the_end_is_refused(server: Server, results: list[Result]) -> None:
    server.register(category())
    server.close()
    server.submit(Frame("a", IMAGE))
    with pytest.raises(CapeError, match="has stopped"):
        server.register(category("pan"))
    with pytest.raises(CapeError, match="has stopped"):
        server.remove("cup")
    server.close()
    assert results == []
    assert (server.statistics.received, server.statistics.dropped) == (1, 1)
    assert list(server.categories) == ["cup"]


def test_a_registration_in_progress_is_finished_before_the_end(
    server: Server, estimator: SteeredEstimator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, writing, go_on = server._library.put, threading.Event(), threading.Event()

    def slow_disk(category: Category) -> Category:
        writing.set()
        assert go_on.wait(10)
        return put(category)

    monkeypatch.setattr(server._library, "put", slow_disk)
    with ThreadPoolExecutor(2) as pool:
        registered = pool.submit(server.register, category())
        assert writing.wait(10)
        closed = pool.submit(server.close)
        server.submit(Frame("a", IMAGE))  # before or after: nothing breaks
        go_on.set()
        assert registered.result(10).version == 1
        closed.result(10)
    assert CategoryLibrary(tmp_path).names() == ("cup",)


def test_a_listener_that_fails_does_not_stop_the_camera(
    server: Server, results: list[Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(result: Result) -> None:
        raise RuntimeError("nobody hears")

    with monkeypatch.context() as patch:
        patch.setattr(server, "_on_result", fail)
        server.submit(Frame("a", IMAGE))
        settle(server)
    assert server.statistics.rejected == {"internal error": 1}
    server.submit(Frame("a", IMAGE))
    settle(server)
    assert len(results) == 1


def test_a_listener_that_fails_does_not_undo_a_registration(
    estimator: SteeredEstimator, tmp_path: Path
) -> None:
    def fail(known: Mapping[str, Category], version: int) -> None:
        raise RuntimeError("nobody hears")

    server = Server(estimator, CategoryLibrary(tmp_path), on_categories=fail)  # type: ignore[arg-type]
    try:
        assert server.register(category()).version == 1
        server.remove("cup")
    finally:
        server.close()
    assert server.database_version == 2
