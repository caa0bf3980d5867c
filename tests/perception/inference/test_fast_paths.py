"""Every fast path gives the plain one's answers: on the release's numbers and on photographs."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from comparing import pixels, scores
from golden import POINTS, Golden

from cape_ros.model import CapeFormer, checkpoints, weights
from cape_ros.model.scores import Calibration
from cape_ros.perception.category import Category
from cape_ros.perception.estimator import Estimator
from cape_ros.perception.inference import device, engine
from cape_ros.perception.inference.crops import DeviceCrops
from cape_ros.perception.inference.recorded import RecordedNetwork
from cape_ros.perception.objects import ObjectKeypoints, ObjectRequest

CPU = torch.device("cpu")
SIDE = 128  # of the crops [pixels]: half of the shipped network's, which takes a fourth of the time
needs_openvino = pytest.mark.skipif(
    not find_spec("openvino"), reason="needs OpenVINO: pip install openvino"
)


needs_bfloat16 = pytest.mark.skipif(
    not device._has_bfloat16(CPU), reason="needs a CPU that computes in bfloat16"
)


def estimator(
    name: str = "cpu", layout: bool = True, precision: str = "float32", side: int = SIDE
) -> Estimator:
    """With the shipped weights; side: of the crops."""
    shipped, facts = checkpoints.load(weights.SHIPPED)
    net = CapeFormer(replace(shipped.config, layout=layout, image_size=(side, side)))
    net.load_state_dict(shipped.state_dict())
    return Estimator(net, Calibration.from_facts(facts), name, precision)


def estimate(estimator: Estimator, categories: list[Category]) -> list[ObjectKeypoints]:
    """Each in its photograph, rotated by 180 degrees and seen in four windows."""
    found = []
    for category in categories:
        image = np.ascontiguousarray(category.shots[0].image[::-1, ::-1])
        height, width = image.shape[:2]
        windows = [
            (width * x, height * y, width * 0.7, height * 0.7) for x in (0, 0.3) for y in (0, 0.3)
        ]
        found += estimator.estimate(image, [ObjectRequest(category, box) for box in windows])
    return found


@pytest.fixture(scope="module")
def plain(categories: list[Category]) -> list[ObjectKeypoints]:
    return estimate(estimator(), categories)


@pytest.fixture(scope="module")
def without_layout(categories: list[Category]) -> list[ObjectKeypoints]:
    return estimate(estimator(layout=False), categories)


@needs_openvino
def test_openvino_on_photographs(
    categories: list[Category],
    without_layout: list[ObjectKeypoints],
    caplog: pytest.LogCaptureFixture,
) -> None:
    fast = estimator("openvino", layout=False)
    fast.prepare(keypoints=20)
    assert not caplog.records  # nothing was refused
    assert isinstance(fast.network, RecordedNetwork)
    found = estimate(fast, categories)
    assert pixels(found, without_layout).max() < 0.05
    np.testing.assert_allclose(scores(found), scores(without_layout), atol=1e-3)


@pytest.mark.parametrize(
    ("precision", "side"),
    [("float16", SIDE), pytest.param("bfloat16", 256, marks=pytest.mark.numeric)],
)
def test_low_precision_on_photographs(
    categories: list[Category],
    plain: list[ObjectKeypoints],
    monkeypatch: pytest.MonkeyPatch,
    precision: str,
    side: int,
) -> None:
    """No CPU has a fast float16; bfloat16 is for crops as the shipped network has them."""
    expected = plain if side == SIDE else estimate(estimator(side=side), categories)
    # Any CPU computes it, those that lack it slowly; so they are refused otherwise.
    monkeypatch.setattr(engine, "find_precision", lambda *_: device.PRECISIONS[precision])
    other = estimator(precision=precision, side=side)
    other.prepare(keypoints=20)
    away = pixels(estimate(other, categories), expected)
    assert np.median(away) < 0.5
    assert np.percentile(away, 99) < 2


@needs_openvino
@needs_bfloat16
def test_low_precision_by_openvino(
    categories: list[Category], without_layout: list[ObjectKeypoints]
) -> None:
    """Now and then it takes another cell for the best one."""
    other = estimator("openvino", layout=False, precision="bfloat16")
    other.prepare(keypoints=20)
    away = pixels(estimate(other, categories), without_layout)
    assert np.median(away) < 0.5
    assert np.percentile(away, 95) < 2


@needs_openvino
@pytest.mark.parametrize("case", ["s1"])
def test_openvino_on_numbers_of_the_release(shared: Path, case: str) -> None:
    golden = Golden(shared / "golden")
    net = CapeFormer.from_released(golden.state_dict())
    fast = engine.build_network(net, Calibration(), "openvino", "float32")
    with torch.inference_mode():
        tokens, _ = golden.run(fast.net, case)
        fast.prepare(tokens.mask.shape[1], shots=1)
        points, _ = fast.find(fast.extract(golden.images("q", (0, 1))), tokens)
    expected = torch.from_numpy(golden.expected[f"{case}_output"][-1])
    assert (points - expected)[tokens.mask].abs().max() < POINTS


@pytest.mark.numeric
def test_crops_cut_as_on_a_gpu(categories: list[Category], plain: list[ObjectKeypoints]) -> None:
    """OpenCV rounds its sampling points to 1/32 pixel: that moves a point now and then."""
    other = estimator()
    other.crops = DeviceCrops(other.crop_size, CPU)
    found = estimate(other, categories)
    away = pixels(found, plain)
    assert np.median(away) < 0.1
    assert np.percentile(away, 90) < 1


@pytest.mark.numeric
@pytest.mark.parametrize("batch", [1, 5])
def test_smaller_batches(
    categories: list[Category], plain: list[ObjectKeypoints], batch: int
) -> None:
    other = estimator()
    other._batches.largest = batch
    assert pixels(estimate(other, categories), plain).max() < 0.05


@needs_openvino
def test_openvino_where_layouts_vote(
    categories: list[Category], plain: list[ObjectKeypoints], caplog: pytest.LogCaptureFixture
) -> None:
    """It extracts the features, PyTorch finds the points."""
    fast = estimator("openvino")
    fast.prepare(keypoints=20)
    assert not caplog.records
    found = estimate(fast, categories)
    assert pixels(found, plain).max() < 0.05
    np.testing.assert_allclose(scores(found), scores(plain), atol=1e-3)
