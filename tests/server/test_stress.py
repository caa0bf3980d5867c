"""Frames, commands and pauses all at once: no crash, no half result, no frame uncounted."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest
from steered import IMAGE, SECONDS, Stand, category

from cape_ros.core.errors import InvalidInput
from cape_ros.perception.objects import ObjectRequest
from cape_ros.server.server import CameraCounts, Frame, RegisterMode, Result, Statistics

NAMES = ("cup", "pan", "pot", "lid")
CAMERAS = ("a", "b", "c")
BOX = (10.0, 10.0, 40.0, 30.0)
ROUNDS = 40


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    with Stand.on(tmp_path) as stand:
        yield stand


def check_balance(statistics: Statistics) -> None:
    for counts in statistics.cameras.values():
        received, *others = astuple(counts)
        assert received == sum(others), counts
        assert min(others) >= 0


def check_whole(result: Result) -> None:
    """Every object as its category was when the frame was processed."""
    for found in result.objects:
        expected = result.categories[found.category]
        assert found.category_version == expected.version
        assert len(found.keypoints) == len(found.scores) == len(expected.keypoint_names)
    names = [found.category for found in result.objects]
    assert len(set(names)) == len(names)


class Crowd:
    """Users that do something at random, each in a thread, as often as `ROUNDS` says."""

    def __init__(self, stand: Stand, seed: int) -> None:
        self.stand, self.server, self.seed = stand, stand.server, seed
        self.done = threading.Event()

    def frames(self, chance: random.Random) -> None:
        requests = chance.choice([None, None, [ObjectRequest(chance.choice(NAMES), BOX)]])
        image = IMAGE if chance.random() < 0.95 else np.zeros((0, 4, 3), np.uint8)
        self.server.submit(Frame(chance.choice(CAMERAS), image, requests=requests))

    def registrations(self, chance: random.Random) -> None:
        new = category(chance.choice(NAMES), chance.choice([2, 3, 4]))
        stored = self.server.register(new, RegisterMode.REPLACE)
        assert len(stored.keypoint_names) == len(new.keypoint_names)

    def removals(self, chance: random.Random) -> None:
        self.server.remove(chance.choice(NAMES))

    def activations(self, chance: random.Random) -> None:
        names = chance.choice([None, chance.sample(NAMES, chance.randrange(3))])
        self.server.activate(chance.choice([None, *CAMERAS]), names)

    def pauses(self, chance: random.Random) -> None:
        self.server.pause()
        before = len(self.stand.results)
        time.sleep(0.001 * chance.random())
        assert len(self.stand.results) == before
        self.server.resume()

    def inquiries(self, chance: random.Random) -> None:
        names = chance.sample(NAMES, 2)
        boxes = chance.choice([None, [BOX, BOX]])
        found = self.server.estimate(IMAGE, names, boxes)
        assert [each.category for each in found] == names

    def balances(self, chance: random.Random) -> None:
        check_balance(self.server.statistics)

    def run(self) -> None:
        """Raises what any of them raises, refusals excepted: their names come and go."""
        users: list[Callable[[random.Random], None]] = [
            self.registrations,
            self.removals,
            self.activations,
            self.pauses,
            self.inquiries,
        ]
        in_background = [self.frames, self.frames, self.balances]
        with ThreadPoolExecutor(len(users) + len(in_background)) as pool:
            background = [
                pool.submit(self._until_done, user, random.Random(self.seed + 100 + at))
                for at, user in enumerate(in_background)
            ]
            busy = [
                pool.submit(self._rounds, user, random.Random(self.seed + at))
                for at, user in enumerate(users)
            ]
            try:
                for each in busy:
                    each.result(SECONDS)
            finally:
                self.done.set()
            for each in background:
                each.result(SECONDS)

    def _rounds(self, user: Callable[[random.Random], None], chance: random.Random) -> None:
        for _ in range(ROUNDS):
            try:
                user(chance)
            except InvalidInput as error:
                if "is not registered" not in str(error):
                    raise

    def _until_done(self, user: Callable[[random.Random], None], chance: random.Random) -> None:
        while not self.done.wait(0.0005):
            user(chance)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1000, 2000])
def test_everything_at_once(stand: Stand, seed: int, caplog: pytest.LogCaptureFixture) -> None:
    stand.register(*NAMES)
    Crowd(stand, seed).run()
    stand.server.resume()
    stand.server.activate(None, None)
    for camera in CAMERAS:
        for _ in NAMES:  # one of them is searched in each image while others are in view
            stand.show(camera)
        assert set(stand.found(camera)) == set(stand.server.categories)
    statistics = stand.server.statistics
    check_balance(statistics)
    assert {counts.pending for counts in statistics.cameras.values()} == {0}
    assert statistics.answered == len(stand.results)
    assert statistics.rejected.keys() <= {"image", "requests.category"}
    assert "Traceback" not in caplog.text
    for result in stand.results:
        check_whole(result)


def test_a_removal_while_the_frame_is_in_the_network(stand: Stand) -> None:
    stand.register("cup", "pan")
    stand.hold()
    with ThreadPoolExecutor(1) as pool:
        removed = pool.submit(stand.server.remove, "pan")
        stand.let_go()
        removed.result(SECONDS)
    assert stand.found() == ["cup", "pan"]
    assert set(stand.results[-1].categories) == {"cup", "pan"}
    stand.show()
    assert stand.found() == ["cup"]
    assert stand.server.statistics.cameras["a"] == CameraCounts(received=2, answered=2)


def test_ten_registrations_at_once(stand: Stand) -> None:
    stand.register("cup")
    stand.hold()
    with ThreadPoolExecutor(10) as pool:
        new = [category(f"c{number}") for number in range(10)]
        pending = [pool.submit(stand.server.register, each) for each in new]
        stand.let_go()
        assert {each.result(SECONDS).version for each in pending} == {1}
    assert set(stand.server.categories) == {"cup", *(each.name for each in new)}
    assert stand.server.database_version == len(stand.announced) == 11
    for _ in new:  # one of them is searched in each image
        stand.show()
    assert set(stand.found()) == set(stand.server.categories)
