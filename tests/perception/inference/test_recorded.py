"""Recorded passes, without a GPU: in the recorder's place is one that computes again."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from cape_ros.model import CapeFormer, CapeFormerConfig, KeypointTokens
from cape_ros.model.layout.layout import LANDMARKS, Layouts
from cape_ros.model.layout.rotations import EIGHTHS
from cape_ros.model.scores import Calibration
from cape_ros.perception import estimator
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.inference.network import Network
from cape_ros.perception.inference.recorded import Pass, RecordedNetwork, Replay
from cape_ros.perception.objects import ObjectRequest

CPU = torch.device("cpu")
BATCHES = (1, 2, 4, 8)
CONFIG = CapeFormerConfig(
    backbone="resnet18",
    stride=16,
    image_size=(128, 128),
    width=32,
    heads=4,
    feedforward=48,
    layout=True,
)


class Recorder:
    """As CUDA graphs behave: fixed inputs and outputs, and a call that computes between them."""

    batches = BATCHES

    def __init__(self, most: int = 1000, layouts: bool = True) -> None:
        self.layouts = layouts
        self.recorded: list[int] = []
        self.replayed = 0
        self._most = most

    def record(self, run: Pass, inputs: Sequence[Tensor]) -> tuple[tuple[Tensor, ...], Replay]:
        if len(self.recorded) == self._most:
            raise RuntimeError("CUDA error: operation not supported")
        self.recorded.append(len(inputs[0]))
        outputs = run(*inputs)

        def replay() -> None:
            self.replayed += 1
            for output, value in zip(outputs, run(*inputs), strict=True):
                output.copy_(value)

        return outputs, replay


@pytest.fixture(scope="module")
def net() -> CapeFormer:
    torch.manual_seed(0)
    net = CapeFormer(CONFIG)
    for head in net.decoder.offset_heads:
        torch.nn.init.normal_(head[-1].weight, std=0.1)
    return net


def graphed(net: CapeFormer, recorder: Recorder) -> RecordedNetwork:
    return RecordedNetwork(net, Calibration(), CPU, torch.float32, recorder)


def tokens(batch: int, keypoints: int, shots: int, seed: int = 0) -> KeypointTokens:
    generator = torch.Generator().manual_seed(seed)
    known = torch.rand(batch, keypoints, generator=generator) > 0.2
    points = torch.rand(batch, shots, keypoints, 2, generator=generator)
    return KeypointTokens(
        torch.randn(batch, keypoints, CONFIG.width, generator=generator),
        known,
        Layouts(
            points,
            known[:, None].expand(-1, shots, -1),
            torch.rand(batch, shots, LANDMARKS, 2, generator=generator),
            torch.randn(batch, shots, LANDMARKS, CONFIG.width, generator=generator),
        ),
    )


@torch.inference_mode()
def assert_same(fast: Network, plain: Network, batch: int, keypoints: int, shots: int) -> None:
    seeded = torch.Generator().manual_seed(batch)
    images = torch.randn(batch, 3, *CONFIG.image_size, generator=seeded)
    given = tokens(batch, keypoints, shots, seed=batch)
    found = fast.find(fast.extract(images), given)
    expected = plain.find(plain.extract(images), given)
    assert found[0].shape == (batch, keypoints, 2)
    known = given.mask
    assert torch.allclose(found[0][known], expected[0][known], atol=1e-4)
    assert torch.allclose(found[1], expected[1], atol=1e-4)


def test_rotated_supports_use_the_same_recordings(net: CapeFormer) -> None:
    recorder = Recorder()
    fast, plain = graphed(net, recorder), Network(net, Calibration(), CPU)
    fast.prepare(keypoints=20, shots=1)
    given = replace(
        tokens(4, 9, 1), rotated=tuple(tokens(4, 9, 1, seed) for seed in range(1, EIGHTHS))
    )
    with torch.inference_mode():
        features = plain.extract(torch.randn(4, 3, *CONFIG.image_size))
        expected = plain.find(features, given)
        found = fast.find(features, given)
        assert recorder.replayed > 1
        again = fast.find(features, given)  # the first pass's tokens are filled in again
        upright = plain.forward(features, given).answers
    assert not torch.allclose(expected[0], upright[0], atol=1e-3)
    for one in (found, again):
        assert torch.allclose(one[0][given.mask], expected[0][given.mask], atol=1e-4)
        assert torch.allclose(one[1], expected[1], atol=1e-4)


@pytest.mark.slow
def test_every_size_of_batch_gives_the_plain_answer(net: CapeFormer) -> None:
    recorder = Recorder()
    fast, plain = graphed(net, recorder), Network(net, Calibration(), CPU)
    fast.prepare(keypoints=17, shots=2)
    assert sorted(recorder.recorded) == sorted(2 * BATCHES)
    for batch, keypoints, shots in ((1, 17, 1), (3, 20, 2), (5, 2, 1), (8, 9, 2), (1, 17, 2)):
        before = recorder.replayed
        assert_same(fast, plain, batch, keypoints, shots)
        assert recorder.replayed == before + 2
    before = recorder.replayed
    assert_same(fast, plain, 19, 17, 1)  # in three parts
    assert recorder.replayed == before + 6


def test_what_was_not_recorded_is_computed_all_the_same(net: CapeFormer) -> None:
    recorder = Recorder()
    fast, plain = graphed(net, recorder), Network(net, Calibration(), CPU)
    assert_same(fast, plain, 2, 5, 1)  # before anything is recorded
    fast.prepare(keypoints=5, shots=1)
    count = len(recorder.recorded)
    assert_same(fast, plain, 2, 21, 1)  # more keypoints
    assert_same(fast, plain, 2, 5, 2)  # more shots
    assert len(recorder.recorded) == count  # never while a frame waits


def test_a_recorder_that_cannot_vote_extracts(net: CapeFormer) -> None:
    recorder = Recorder(layouts=False)
    fast, plain = graphed(net, recorder), Network(net, Calibration(), CPU)
    fast.prepare(keypoints=17, shots=1)
    assert tuple(recorder.recorded) == BATCHES
    assert_same(fast, plain, 3, 17, 1)
    assert recorder.replayed == 1


def test_recorded_once_for_categories_of_about_one_size(net: CapeFormer) -> None:
    recorder = Recorder()
    fast = graphed(net, recorder)
    fast.prepare(keypoints=17, shots=1)
    first = len(recorder.recorded)
    fast.prepare(keypoints=20, shots=1)
    fast.prepare(keypoints=3, shots=1)
    assert len(recorder.recorded) == first
    fast.prepare(keypoints=21, shots=1)
    fast.prepare(keypoints=40, shots=1)
    assert len(recorder.recorded) == first + len(BATCHES)  # the backbone's stay
    assert_same(fast, Network(net, Calibration(), CPU), 2, 30, 1)


@pytest.mark.parametrize("most", [0, 5])
def test_a_driver_that_cannot(net: CapeFormer, caplog: pytest.LogCaptureFixture, most: int) -> None:
    """Nothing is recorded, or memory ends after two buckets: one warning, and the same answers."""
    recorder = Recorder(most)
    fast, plain = graphed(net, recorder), Network(net, Calibration(), CPU)
    with caplog.at_level(logging.WARNING):
        fast.prepare(keypoints=17, shots=1)
        fast.prepare(keypoints=40, shots=1)
    assert len(caplog.records) == 1
    assert "operation not supported" in caplog.text
    for batch in (1, 2, 7):
        assert_same(fast, plain, batch, 17, 1)


def test_a_category_is_new_to_a_frame(net: CapeFormer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its shots go through the recording that the frame's own features come from."""
    monkeypatch.setattr(estimator, "build_network", lambda *_: graphed(net, Recorder()))
    fast = estimator.Estimator(net, Calibration(), "cpu")
    fast.prepare(keypoints=4)
    image = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    shot = SupportShot(image, [(20, 20), (60, 30), (40, 60)], box=(10, 10, 70, 70))

    def cup() -> ObjectRequest:
        return ObjectRequest(Category("cup", ["a", "b", "c"], shots=[shot]), (30, 20, 80, 60))

    request = cup()
    first, again = (fast.estimate(image, [request])[0] for _ in range(2))
    np.testing.assert_array_equal(first.keypoints, again.keypoints)
    request = cup()
    first, again = (fast.inspect(image, request) for _ in range(2))
    np.testing.assert_array_equal(first.crop, again.crop)
    np.testing.assert_array_equal(first.points, again.points)


def test_categories_of_many_keypoints_and_of_many_shots_in_one_frame(net: CapeFormer) -> None:
    recorder = Recorder()
    fast, plain = graphed(net, recorder), Network(net, Calibration(), CPU)
    fast.prepare(keypoints=40, shots=1)
    fast.prepare(keypoints=10, shots=5)
    before = recorder.replayed
    assert_same(fast, plain, 2, 40, 5)
    assert recorder.replayed == before + 2


def test_a_category_that_is_gone_leaves_nothing_in_a_recording(net: CapeFormer) -> None:
    fast = graphed(net, Recorder())
    fast.prepare(keypoints=20, shots=2)
    images, few = torch.randn(1, 3, *CONFIG.image_size), tokens(1, 4, 1)
    with torch.inference_mode():
        fresh = [part.clone() for part in fast.find(fast.extract(images), few)]
        fast.find(fast.extract(images), tokens(1, 20, 2, seed=9))  # then it is removed
        again = fast.find(fast.extract(images), few)
    assert all(torch.equal(one, other) for one, other in zip(fresh, again, strict=True))
