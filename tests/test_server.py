"""Frames and commands: nothing is lost uncounted, nothing half-registered is ever seen."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from cape_ros.errors import InvalidInput, LibraryError
from cape_ros.model import KeypointTokens
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.library import CategoryLibrary
from cape_ros.perception.objects import ObjectKeypoints, ObjectRequest
from cape_ros.server import Frame, RegisterMode, Result, Server

IMAGE = np.zeros((48, 64, 3), np.uint8)


class SteeredEstimator:
    """Answers when the test lets it; sees an object only in boxes that hold (32, 24)."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Semaphore(0)
        self.threads: set[int] = set()
        self.batches: list[int] = []
        self.visible = True
        self.fail: Exception | None = None
        self.known: dict[str, Category] = {}

    def encode(self, category: Category) -> KeypointTokens:
        self.threads.add(threading.get_ident())
        if self.fail:
            raise self.fail
        return KeypointTokens(torch.zeros(1, 1, 1), torch.ones(1, 1, dtype=torch.bool))

    def register(self, category: Category, tokens: KeypointTokens | None = None) -> None:
        self.known[category.name] = category

    def forget(self, name: str) -> None:
        del self.known[name]

    def estimate(self, image: np.ndarray, requests: list[ObjectRequest]) -> list[ObjectKeypoints]:
        self.threads.add(threading.get_ident())
        self.entered.release()
        assert self.gate.wait(10)
        if self.fail:
            raise self.fail
        self.batches.append(len(requests))
        found = []
        for request in requests:
            category = self.known[request.category]
            x, y, w, h = request.box
            hit = self.visible and x <= 32 <= x + w and y <= 24 <= y + h
            count = len(category.keypoint_names)
            points = np.array([(24, 16), (40, 16), (40, 32), (24, 32)], np.float32)[:count]
            scores = np.full(count, 0.9 if hit else 0.05, np.float32)
            found.append(
                ObjectKeypoints(category.name, category.version, request.box, points, scores)
            )
        return found


def category(name: str = "cup", keypoints: int = 4) -> Category:
    points = np.array([(24, 16), (40, 16), (40, 32), (24, 32)], np.float32)[:keypoints]
    names = ["a", "b", "c", "d"][:keypoints]
    return Category(name=name, keypoint_names=names, shots=[SupportShot(IMAGE, points)])


@pytest.fixture
def estimator() -> SteeredEstimator:
    return SteeredEstimator()


@pytest.fixture
def results() -> list[Result]:
    return []


@pytest.fixture
def server(estimator: SteeredEstimator, results: list[Result], tmp_path: Path) -> Iterator[Server]:
    server = Server(estimator, CategoryLibrary(tmp_path), on_result=results.append)  # type: ignore[arg-type]
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


def test_missing_objects_are_searched_in_turn_beside_the_followed_one(
    server: Server, estimator: SteeredEstimator, results: list[Result]
) -> None:
    server.register(category())
    server.submit(Frame("a", IMAGE))
    settle(server)
    original = estimator.estimate

    def only_the_cup(image: np.ndarray, requests: list[ObjectRequest]) -> list[ObjectKeypoints]:
        searched.append({r.category for r in requests if r.category != "cup"})
        return [
            found
            if found.category == "cup"
            else ObjectKeypoints(found.category, 1, found.box, found.keypoints, found.scores * 0)
            for found in original(image, requests)
        ]

    searched: list[set] = []
    estimator.estimate = only_the_cup  # type: ignore[method-assign]
    for name in ("pan", "pot"):
        server.register(category(name))
    for _ in range(4):
        server.submit(Frame("a", IMAGE))
        settle(server)
    assert [len(names) for names in searched] == [1, 1, 1, 1]
    assert searched[0] | searched[1] == searched[2] | searched[3] == {"pan", "pot"}
    for result in results[1:]:
        scores = {found.category: found.score for found in result.objects}
        assert scores["cup"] > 0.8
        assert scores["pan"] == scores["pot"] == 0


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
