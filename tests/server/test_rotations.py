"""Rotated supports are encoded between frames, after the registration was answered."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from weakref import ref

import numpy as np
import pytest
import torch
from steered import SECONDS, wait_for

from cape_ros.core.errors import DeviceError, SourceError
from cape_ros.model import CapeFormer, CapeFormerConfig, KeypointTokens
from cape_ros.model.layout.rotations import ANGLES
from cape_ros.model.scores import Calibration
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.estimator import Estimator
from cape_ros.perception.library.library import CategoryLibrary
from cape_ros.perception.objects import ObjectRequest
from cape_ros.perception.supports import EncodedSupports
from cape_ros.server.model_thread import ModelThread
from cape_ros.server.server import Frame, RegisterMode, Result, Server

CONFIG = CapeFormerConfig(
    backbone="resnet18",
    stride=16,
    image_size=(64, 64),
    width=32,
    heads=4,
    feedforward=48,
    layout=True,
)
IMAGE = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
BOX = (10.0, 10.0, 70.0, 70.0)
STEPS = len(ANGLES)


@cache
def network() -> CapeFormer:
    """Of random weights; estimators copy it."""
    torch.manual_seed(0)
    return CapeFormer(CONFIG)


class Gated(Estimator):
    """A network of random weights that waits before every step until the test lets it go on.

    log: the category and version whose step began, and "frame" for each result. fail: what the next
    step raises.
    """

    def __init__(self, steps: int = 0) -> None:
        """steps: that need not wait."""
        super().__init__(network(), Calibration(), "cpu")
        self.log: list[str] = []
        self.fail: BaseException | None = None
        self._gate = threading.Semaphore(steps)
        self._begun = threading.Semaphore(0)

    def encode_upright(self, category: Category) -> EncodedSupports:
        upright, better = super().encode_upright(category)
        return upright, self._one_by_one(category.name, len(category.shots), better)

    def _one_by_one(
        self, name: str, shots: int, better: Iterator[KeypointTokens]
    ) -> Iterator[KeypointTokens]:
        for tokens in better:
            self.log.append(f"{name} {shots}")
            self._begun.release()
            assert self._gate.acquire(timeout=SECONDS)
            if self.fail:
                raise self.fail
            yield tokens

    def see_begin(self) -> None:
        """Wait until the next step has begun."""
        assert self._begun.acquire(timeout=SECONDS)

    def let_go(self, steps: int = 1) -> None:
        self._gate.release(steps)


class Queue(ModelThread):
    """The model's thread, and how many jobs wait for it."""

    def __init__(self, *arguments: Any) -> None:
        self.waiting = 0
        self._counting = threading.Lock()
        super().__init__(*arguments)

    def submit(self, job: Callable[..., Any], *arguments: Any) -> Future[Any]:  # type: ignore[override]
        def run() -> Any:
            self._count(-1)
            return job(*arguments)

        self._count(1)
        return super().submit(run)

    def _count(self, more: int) -> None:
        with self._counting:
            self.waiting += more


class Stand:
    """A server over such an estimator, and a camera that shows where cups are."""

    def __init__(self, root: Path, estimator: Gated) -> None:
        self.estimator = estimator
        self.results: list[Result] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("cape_ros.server.server.ModelThread", self._queue)
            self.server = Server(estimator, CategoryLibrary(root), on_result=self._hear)

    def _queue(self, *arguments: Any) -> Queue:
        self.model = Queue(*arguments)
        return self.model

    def _hear(self, result: Result) -> None:
        self.results.append(result)
        self.estimator.log.append("frame")

    def show(self, *names: str) -> None:
        requests = [ObjectRequest(name, BOX) for name in names]
        self.server.submit(Frame("a", IMAGE, requests=requests))

    @contextmanager
    def meanwhile(self, command: Callable[[], object], jobs: int) -> Iterator[None]:
        """Give a command while a step is in work, and let a step go for each of the command's jobs
        for the model once that waits. In the end the command has been carried out."""
        with ThreadPoolExecutor(1) as pool:
            given = pool.submit(command)
            for _ in range(jobs):
                self.estimator.see_begin()
                wait_for(lambda: self.model.waiting)
                self.estimator.let_go()
            yield
            given.result(SECONDS)

    def settle(self) -> None:
        """Let all steps go, and wait until nothing is left."""
        self.estimator.let_go(1000)
        assert self.server.wait_until_idle(SECONDS)

    def close(self) -> None:
        self.estimator.let_go(1000)
        self.server.close()


@pytest.fixture
def stands(tmp_path: Path) -> Iterator[Callable[[], Stand]]:
    made: list[Stand] = []

    def make() -> Stand:
        made.append(Stand(tmp_path, Gated()))
        return made[-1]

    yield make
    for stand in made:
        stand.close()


@pytest.fixture
def stand(stands: Callable[[], Stand]) -> Stand:
    return stands()


def category(name: str = "cup", shots: int = 1, seed: int = 0) -> Category:
    rng = np.random.default_rng(seed)
    points = rng.uniform(20, 70, (shots, 4, 2))
    return Category(
        name, list("abcd"), shots=[SupportShot(IMAGE, each, box=BOX) for each in points]
    )


def assert_equal(one: KeypointTokens, other: KeypointTokens) -> None:
    """To the last bit, rotated and upright."""
    assert torch.equal(one.tokens, other.tokens)
    assert one.layouts
    assert other.layouts
    assert torch.equal(one.layouts.landmarks, other.layouts.landmarks)
    for orientation, counterpart in zip(one.rotated, other.rotated, strict=True):
        assert_equal(orientation, counterpart)


def encoded(tokens: KeypointTokens) -> list[bool]:
    """Of each angle whether it has been seen."""
    return [not torch.equal(one.tokens, tokens.tokens) for one in tokens.rotated]


def test_the_answer_comes_first_and_frames_in_between(stand: Stand) -> None:
    assert stand.server.register(category(shots=3)).version == 1
    for _ in range(3):
        stand.estimator.see_begin()
        stand.show("cup")
        stand.estimator.let_go()
    stand.settle()
    assert stand.estimator.log[:7] == ["cup 3", "frame"] * 3 + ["cup 3"]
    assert stand.estimator.log.count("cup 3") == 2 * STEPS  # two shots at a time
    assert [each.objects[0].category_version for each in stand.results] == [1] * 3
    assert stand.server.statistics.rejected == {}


def test_frames_use_each_angle_as_soon_as_it_is_there_and_all_in_the_end(stand: Stand) -> None:
    stored = stand.server.register(category(shots=3))
    for _ in range(2):
        stand.estimator.see_begin()
        assert not any(encoded(stand.estimator.encode(stored)))
        stand.estimator.let_go()
    stand.estimator.see_begin()
    assert encoded(stand.estimator.encode(stored)) == [True] + [False] * (STEPS - 1)
    stand.settle()
    direct = Gated(1000)
    direct.register(stored)
    assert_equal(stand.estimator.encode(stored), direct.encode(stored))
    assert all(encoded(direct.encode(stored)))
    assert stand.server.check("cup") == direct.check("cup")


def test_one_step_at_a_time_and_the_newest_category_first(stand: Stand) -> None:
    stand.server.register(category("cup"))
    with stand.meanwhile(lambda: stand.server.register(category("pan", 2)), jobs=2):
        stand.estimator.see_begin()
        assert stand.estimator.log == ["cup 1", "cup 1", "pan 2"]
        stand.show("cup", "pan")
        stand.estimator.let_go()
        stand.estimator.see_begin()
        assert stand.estimator.log[3:] == ["frame", "pan 2"]
    stand.settle()
    stand.estimator.log.remove("frame")
    assert stand.estimator.log == ["cup 1"] * 2 + ["pan 2"] * STEPS + ["cup 1"] * (STEPS - 2)


@pytest.mark.parametrize("how", ["replaced", "added to", "removed"])
def test_what_is_gone_is_not_encoded_any_more(stand: Stand, how: str) -> None:
    before = ref(stand.server.register(category()))
    change, jobs = {
        "replaced": (lambda: stand.server.register(category(shots=2), RegisterMode.REPLACE), 2),
        "added to": (lambda: stand.server.register(category(), RegisterMode.ADD_SHOTS), 2),
        "removed": (lambda: stand.server.remove("cup"), 1),
    }[how]
    with stand.meanwhile(change, jobs):
        stand.settle()
    new = ["cup 2"] * STEPS if how != "removed" else []
    assert stand.estimator.log == ["cup 1"] * jobs + new
    gc.collect()
    assert before() is None
    if new:
        stored, direct = stand.server.find("cup"), Gated(1000)
        assert stored.version == 2
        assert_equal(stand.estimator.encode(stored), direct.encode(stored))


def test_the_end_does_not_wait_for_what_is_left(
    stand: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    stored = stand.server.register(category())
    with stand.meanwhile(stand.server.close, jobs=1):
        pass
    assert stand.estimator.log == ["cup 1"]
    assert stand.server.wait_until_idle(SECONDS)
    assert not all(encoded(stand.estimator.encode(stored)))
    assert list(stand.server.categories) == ["cup"]
    assert caplog.records == []


@pytest.mark.parametrize(
    "error", [RuntimeError("out of luck"), DeviceError("no memory"), SystemExit(1)]
)
def test_a_step_that_fails(
    stand: Stand, error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    """The category stays as it is, upright; others are encoded all the same."""
    stored = stand.server.register(category())
    stand.estimator.see_begin()
    stand.estimator.fail = error
    stand.estimator.let_go()
    assert stand.server.wait_until_idle(SECONDS)
    stand.estimator.fail = None
    assert stand.server.statistics.failures == {type(error).__name__: 1}
    assert [record.message for record in caplog.records] == [
        "encoding rotated supports of cup failed; rotated objects may be missed"
    ]
    assert not any(encoded(stand.estimator.encode(stored)))
    pan = stand.server.register(category("pan"))
    stand.settle()
    assert all(encoded(stand.estimator.encode(pan)))
    stand.show("cup", "pan")
    assert stand.server.wait_until_idle(SECONDS)
    assert len(stand.results[-1].objects) == 2
    assert stand.server.statistics.failures == {type(error).__name__: 1}
    assert stand.server.statistics.rejected == {}


def test_supports_that_are_left_to_encode_are_waited_for(stand: Stand) -> None:
    stand.server.register(category())
    assert not stand.server.wait_until_idle(0.02)
    stand.estimator.let_go(1)
    assert not stand.server.wait_until_idle(0.02)
    stand.settle()
    assert all(encoded(stand.estimator.encode(stand.server.find("cup"))))


def test_rotated_supports_of_a_library_follow_after_the_start(stands: Callable[[], Stand]) -> None:
    first = stands()
    for name in ("cup", "pan"):
        first.server.register(category(name))
        first.settle()
    first.close()
    again = stands()
    again.estimator.see_begin()
    assert list(again.server.categories) == ["cup", "pan"]
    warming = threading.Thread(target=again.server.warm_up, args=[IMAGE.shape[:2]])
    warming.start()
    again.show("cup", "pan")
    again.settle()
    warming.join(SECONDS)
    assert again.estimator.log.index("frame") == 1
    for stored in again.server.categories.values():
        assert_equal(again.estimator.encode(stored), Gated(1000).encode(stored))


def test_what_is_not_registered_is_whole_at_once(stand: Stand) -> None:
    stand.estimator.let_go(1000)
    new = category("new")
    stand.server.try_out(IMAGE, new, BOX)
    assert all(encoded(stand.estimator.encode(new)))
    new = replace(new)
    stand.server.inspect(IMAGE, new, BOX)
    assert all(encoded(stand.estimator.encode(new)))


def test_a_photograph_that_is_rotated(tmp_path: Path) -> None:
    """By the shipped weights, as if it had been registered whole at once."""
    from cape_ros.media.photographs import photographs

    try:
        coffee = photographs()[0]
    except SourceError:
        pytest.skip("needs scikit-image, which the photographs come with: pip install scikit-image")
    image = np.ascontiguousarray(np.rot90(coffee.shots[0].image))
    box = (0.0, 0.0, float(image.shape[1]), float(image.shape[0]))
    estimator, results = Estimator.load(device="cpu"), []
    server = Server(estimator, CategoryLibrary(tmp_path), on_result=results.append)
    server.register(coffee)
    assert server.wait_until_idle(SECONDS)
    server.submit(Frame("a", image, requests=[ObjectRequest(coffee.name, box)]))
    assert server.wait_until_idle(SECONDS)
    server.close()
    (found,), (expected,) = (
        results[0].objects,
        Estimator.load(device="cpu").estimate(image, [ObjectRequest(coffee, box)]),
    )
    np.testing.assert_allclose(found.keypoints, expected.keypoints, atol=1e-3)
    assert found.score == pytest.approx(expected.score, abs=1e-5)
    assert found.score > 0.8


def test_nothing_is_left_to_do_without_votes(tmp_path: Path) -> None:
    torch.manual_seed(0)
    plain = Estimator(CapeFormer(replace(CONFIG, layout=False)), Calibration(), "cpu")
    server = Server(plain, CategoryLibrary(tmp_path))
    stored = server.register(category())
    server.close()
    assert plain.encode(stored).rotated == ()
