"""On a real GPU: CUDA graphs, cuts on the device and low precision give the plain answers."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from comparing import pixels, scores
from golden import POINTS, Golden

from cape_ros.model import CapeFormer, KeypointTokens, checkpoints, weights
from cape_ros.model.scores import Calibration
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.estimator import Estimator
from cape_ros.perception.inference.engine import build_network
from cape_ros.perception.inference.fused_blocks import FusedBlock
from cape_ros.perception.inference.network import Network
from cape_ros.perception.inference.recorded import RecordedNetwork
from cape_ros.perception.objects import ObjectKeypoints, ObjectRequest

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="needs a GPU: PyTorch finds none"
)
GPU = "cuda"


@pytest.fixture(autouse=True)
def full_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Convolutions in float32, not in the 19 bits of TF32: only so are numbers comparable."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


def shipped(device: str = GPU, precision: str = "float32") -> Estimator:
    found = Estimator.load(device=device, precision=precision)
    found.prepare(keypoints=20)
    return found


def op_by_op(estimator: Estimator) -> Estimator:
    """The same, but nothing is recorded."""
    net, facts = checkpoints.load(weights.SHIPPED)
    dtype = next(estimator.network.net.parameters()).dtype
    estimator.network = Network(net, Calibration.from_facts(facts), estimator.device, dtype)
    return estimator


def windows(category: Category) -> tuple[np.ndarray, list[ObjectRequest]]:
    """Its photograph rotated by 180 degrees, and four windows of it."""
    image = np.ascontiguousarray(category.shots[0].image[::-1, ::-1])
    height, width = image.shape[:2]
    boxes = [(width * x, height * y, width * 0.7, height * 0.7) for x in (0, 0.3) for y in (0, 0.3)]
    return image, [ObjectRequest(category, box) for box in boxes]


def estimate(estimator: Estimator, categories: list[Category]) -> list[ObjectKeypoints]:
    return [found for each in categories for found in estimator.estimate(*windows(each))]


@pytest.fixture(scope="module")
def plain(categories: list[Category]) -> list[ObjectKeypoints]:
    """Op by op on the GPU, in float32."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        return estimate(op_by_op(Estimator.load(device=GPU)), categories)
    finally:
        torch.backends.cudnn.allow_tf32 = before


def test_graphs_on_photographs(categories: list[Category], plain: list[ObjectKeypoints]) -> None:
    fast = shipped()
    assert isinstance(fast.network, RecordedNetwork)
    assert any(isinstance(module, FusedBlock) for module in fast.network.net.modules())
    for category in categories:
        fast.register(category)
    found = estimate(fast, categories)
    assert np.median(pixels(found, plain)) < 0.01
    assert np.percentile(pixels(found, plain), 99) < 0.5
    np.testing.assert_allclose(scores(found), scores(plain), atol=0.01)


def test_gpu_against_cpu(categories: list[Category], plain: list[ObjectKeypoints]) -> None:
    """OpenCV rounds its sampling points to 1/32 pixel: that moves a point now and then."""
    away = pixels(plain, estimate(Estimator.load(device="cpu"), categories))
    assert np.median(away) < 0.1
    assert np.percentile(away, 90) < 1


@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_low_precision_on_photographs(
    categories: list[Category], plain: list[ObjectKeypoints], precision: str
) -> None:
    away = pixels(estimate(shipped(precision=precision), categories), plain)
    assert np.median(away) < 0.5
    assert np.percentile(away, 99) < 2


@pytest.mark.parametrize("case", ["s1", "s3"])
def test_graphs_on_numbers_of_the_release(shared: Path, case: str) -> None:
    golden = Golden(shared / "golden")
    net = CapeFormer.from_released(golden.state_dict())
    with torch.inference_mode():
        tokens, _ = golden.run(net, case)
        fast = build_network(net, Calibration(), GPU, "float32")
        tokens = KeypointTokens(tokens.tokens.to(fast.device), tokens.mask.to(fast.device))
        fast.prepare(tokens.mask.shape[1], shots=1)
        images = golden.images("q", (0, 1)).to(fast.device)
        points, _ = fast.find(fast.extract(images), tokens)
    expected = torch.from_numpy(golden.expected[f"{case}_output"][-1])
    assert (points.cpu() - expected)[tokens.mask.cpu()].abs().max() < POINTS


def test_more_objects_than_the_largest_graph(categories: list[Category]) -> None:
    fast, category = shipped(), categories[0]
    fast.register(category)
    image, requests = windows(category)
    each = [fast.estimate(image, [request])[0] for request in requests]
    many = fast.estimate(image, requests * 10)
    assert len(many) == 40
    assert np.percentile(pixels(many, each * 10), 99) < 0.5


def test_shots_and_keypoints_of_every_number(categories: list[Category]) -> None:
    """Five shots, two keypoints and sixty, one after the other, each as without recordings."""
    rng = np.random.default_rng(0)
    image = categories[0].shots[0].image
    height, width = image.shape[:2]
    fast, slow = shipped(), op_by_op(Estimator.load(device=GPU))
    for count, shots in ((2, 1), (17, 5), (60, 1), (60, 5), (1, 1)):
        places = [rng.uniform(0.2, 0.8, (count, 2)) * (width, height) for _ in range(shots)]
        thing = Category(
            f"{count}_of_{shots}",
            [f"k{index}" for index in range(count)],
            shots=[SupportShot(image, place) for place in places],
        )
        fast.register(thing)
        requests = [ObjectRequest(thing, (0, 0, width, height))]
        away = pixels(fast.estimate(image, requests), slow.estimate(image, requests))
        assert np.median(away) < 0.05


def test_a_category_replaced_after_the_recording(categories: list[Category]) -> None:
    """Recordings hold no categories: one that is gone leaves nothing, and takes no memory."""
    fast = shipped()
    image, requests = windows(categories[0])
    expected = fast.estimate(image, requests)
    held = 0
    for attempt in range(20):
        other = categories[1 + attempt % (len(categories) - 1)]
        passing = Category(f"passing_{attempt}", other.keypoint_names, shots=other.shots)
        fast.register(passing)
        fast.estimate(*windows(passing))
        fast.forget(passing.name)
        del passing
        if attempt == len(categories):
            held = torch.cuda.memory_allocated()
    assert torch.cuda.memory_allocated() <= held + 1e6
    assert np.percentile(pixels(fast.estimate(image, requests), expected), 99) < 0.05


@pytest.fixture
def little_memory() -> Iterator[None]:
    """A GPU that others have filled: what is in use now, and a tenth of a gigabyte."""
    torch.cuda.empty_cache()
    _, total = torch.cuda.mem_get_info()
    rest = torch.cuda.memory_reserved() + 0.1e9
    torch.cuda.set_per_process_memory_fraction(rest / total)
    yield
    torch.cuda.set_per_process_memory_fraction(1.0)


def test_short_of_memory(
    categories: list[Category], caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest
) -> None:
    fast = op_by_op(Estimator.load(device=GPU))
    image, requests = windows(categories[0])
    expected = fast.estimate(image, requests)
    request.getfixturevalue("little_memory")
    with caplog.at_level(logging.WARNING):
        found = fast.estimate(image, requests * 8)
    assert fast.largest_batch < 32
    assert sum("short of memory" in record.message for record in caplog.records) == 1
    assert np.median(pixels(found, expected * 8)) < 0.01
