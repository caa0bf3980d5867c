"""An estimator that a test steers, instead of a network, and a server over it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cape_ros.core.errors import InvalidInput
from cape_ros.model import KeypointTokens
from cape_ros.model.cross_check import UNCHECKED, CrossCheck
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.detection.peaks import ALL_SIDES, Sides
from cape_ros.perception.inference.progress import Progress
from cape_ros.perception.inference.timing import Timing
from cape_ros.perception.library.library import CategoryLibrary
from cape_ros.perception.objects import ObjectKeypoints, ObjectRequest, absent, check_searchable
from cape_ros.perception.supports import EncodedSupports
from cape_ros.perception.tracking import TrackingSettings
from cape_ros.perception.trust import Trust
from cape_ros.server.server import Frame, Result, Server

IMAGE = np.zeros((48, 64, 3), np.uint8)
SECONDS = 120  # until a test gives up; also on a machine that is busy with something else


def wait_for(condition: Callable[[], object]) -> None:
    """Return as soon as the condition holds; fail if it never does."""
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.001)


class SteeredEstimator:
    """Answers when the test lets it; sees an object only in boxes that hold (32, 24)."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Semaphore(0)
        self.threads: set[int] = set()
        self.batches: list[int] = []
        self.asked: set[str] = set()
        self.asked_for: set[tuple[str, int]] = set()  # names and numbers of keypoints
        self.visible = True
        self.only: set[str] | None = None  # the categories that are in view, None = all
        self.took = 0.0  # seconds for each crop, by the clock below
        self.now = 0.0
        self.fail: BaseException | None = None
        self.known: dict[str, Category] = {}
        self.spent = Timing()
        self.progress = Progress()
        self.largest_batch = 32

    def encode_upright(self, category: Category) -> EncodedSupports:
        self.threads.add(threading.get_ident())
        if self.fail:
            raise self.fail
        tokens = KeypointTokens(torch.zeros(1, 1, 1), torch.ones(1, 1, dtype=torch.bool))
        return tokens, iter(())

    def register(self, category: Category, tokens: KeypointTokens | None = None) -> None:
        self.known[category.name] = category

    def check(self, name: str) -> CrossCheck:
        return (
            CrossCheck(right=3, judged=4, doubtful=((1, 2),))
            if len(self.known[name].shots) > 1
            else UNCHECKED
        )

    def forget(self, name: str) -> None:
        del self.known[name]

    def prepare(self, keypoints: int = 1) -> None:
        self.threads.add(threading.get_ident())

    def stand_in(self, keypoints: int) -> Category:
        return category("stand-in", keypoints)

    def estimate(self, image: np.ndarray, requests: list[ObjectRequest]) -> list[ObjectKeypoints]:
        self.threads.add(threading.get_ident())
        self.entered.release()
        assert self.gate.wait(SECONDS)
        if self.fail:
            raise self.fail
        self.batches.append(len(requests))
        self.now += self.took * len(requests)
        self.spent += Timing(0.25 * self.took * len(requests), 0.75 * self.took * len(requests))
        found = []
        for request in requests:
            category = request.category
            if isinstance(category, str):
                if category not in self.known:
                    raise InvalidInput.of("requests[0].category", "is not registered")
                category = self.known[category]
            self.asked.add(category.name)
            self.asked_for.add((category.name, len(category.keypoint_names)))
            x, y, w, h = request.box
            visible = self.visible and (self.only is None or category.name in self.only)
            hit = visible and x <= 32 <= x + w and y <= 24 <= y + h
            count = len(category.keypoint_names)
            points = np.array([(24, 16), (40, 16), (40, 32), (24, 32)], np.float32)[:count]
            scores = np.full(count, 0.9 if hit else 0.05, np.float32)
            found.append(
                ObjectKeypoints(
                    category.name,
                    category.version,
                    request.box,
                    points,
                    scores,
                    scores,
                    category.keypoint_names,
                )
            )
        return found

    def find(
        self, image: np.ndarray, category: Category | str, trust: Trust | None = None
    ) -> ObjectKeypoints:
        (found,) = self.detect(image, [category], 1, trust)
        known = self.known[category] if isinstance(category, str) else category
        return found[0] if found else absent(known, (0.0, 0.0, 64.0, 48.0))

    def detect(
        self,
        image: np.ndarray,
        categories: Sequence[Category | str],
        most: int = 8,
        trust: Trust | None = None,
        known: Sequence[ObjectKeypoints] = (),
        sides: Sides = ALL_SIDES,
        between: Callable[[], None] | None = None,
    ) -> list[list[ObjectKeypoints]]:
        """The one object of each category, unless it is known: as much work as 14 crops."""
        check_searchable(image)
        if between:
            between()
        requests = [
            ObjectRequest(name, (0.0, 0.0, 64.0, 48.0)) for name in categories for _ in range(14)
        ]
        seen = self.estimate(image, requests)[::14]
        tracked = {each.category for each in known}
        enough = (trust or Trust()).presence_threshold
        return [
            [each] if each.score >= enough and each.category not in tracked else [] for each in seen
        ]


def category(name: str = "cup", keypoints: int = 4) -> Category:
    points = np.array([(24, 16), (40, 16), (40, 32), (24, 32)], np.float32)[:keypoints]
    names = ["a", "b", "c", "d"][:keypoints]
    return Category(name=name, keypoint_names=names, shots=[SupportShot(IMAGE, points)])


class Stand:
    """A server over a steered estimator, and the categories that it announced."""

    def __init__(self, root: Path) -> None:
        self.estimator = SteeredEstimator()
        self.results: list[Result] = []
        self.announced: list[tuple[list[str], list[str], int]] = []  # names, active ones, version
        self.on_result: Callable[[Result], None] = self.results.append
        self.on_categories: Callable[[Mapping[str, Category], int], None] = self._hear
        self.server = Server(
            self.estimator,  # type: ignore[arg-type]
            CategoryLibrary(root),
            on_result=lambda result: self.on_result(result),
            on_categories=lambda known, version: self.on_categories(known, version),
            clock=lambda: self.estimator.now,
            tracking=TrackingSettings(max_instances=1),  # there is one of each category
        )

    def _hear(self, known: Mapping[str, Category], version: int) -> None:
        active = [name for name in known if self.server.is_active(name)]
        self.announced.append((list(known), active, version))

    @classmethod
    @contextmanager
    def on(cls, root: Path) -> Iterator[Stand]:
        stand = cls(root)
        yield stand
        stand.estimator.gate.set()
        stand.server.close()

    def register(self, *names: str) -> None:
        for name in names:
            self.server.register(category(name))

    def settle(self) -> None:
        assert self.server.wait_until_idle(SECONDS)

    def show(self, camera: str = "a", image: np.ndarray = IMAGE, **frame: Any) -> None:
        """A frame, until it is done."""
        self.server.submit(Frame(camera, image, **frame))
        self.settle()

    def hold(self, camera: str = "a", **frame: Any) -> None:
        """A frame that stays in the network until the gate is set."""
        while self.estimator.entered.acquire(blocking=False):
            pass
        self.estimator.gate.clear()
        self.server.submit(Frame(camera, IMAGE, **frame))
        assert self.estimator.entered.acquire(timeout=SECONDS)

    def let_go(self) -> None:
        self.estimator.gate.set()
        self.settle()

    def found(self, camera: str = "a") -> list[str]:
        """The categories that the newest result of a camera has answers for."""
        newest = [result for result in self.results if result.frame.camera == camera][-1]
        return [each.category for each in newest.objects]
