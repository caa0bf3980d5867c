from __future__ import annotations

import numpy as np
import pytest
import torch

from cape_ros.perception.geometry import clean_box
from cape_ros.perception.inference.crops import DeviceCrops, HostCrops

pytestmark = pytest.mark.numeric

CPU = torch.device("cpu")
SIZE = (64, 96)
BOXES = [(0, 0, 60, 60), (30.4, 20.7, 80, 50), (5, 40, 40, 40), (-20, -5, 90, 30), (90, 60, 80, 80)]


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    """Smooth, as a photograph is."""
    rows, columns = np.mgrid[0:90, 0:120]
    waves = [np.sin(rows / (5 + c)) + np.cos(columns / (7 - c)) for c in range(3)]
    return np.uint8(60 * np.stack(waves, axis=-1) + 127)


@pytest.mark.parametrize("backwards", [False, True])
def test_the_device_cuts_as_the_host_does(image: np.ndarray, backwards: bool) -> None:
    boxes = [clean_box(box, 120, 90) for box in BOXES]
    view = np.ascontiguousarray(image[..., ::-1])[..., ::-1] if backwards else image
    host = HostCrops(SIZE, len(boxes), CPU).cut(view, boxes)
    device = DeviceCrops(SIZE, CPU).cut(view, boxes)
    assert host.shape == device.shape == (len(boxes), 3, *SIZE)
    difference = (host - device).abs() * 58  # in grey levels
    assert difference.mean() < 0.5
    # At the image's edge OpenCV's sampling point may be 1/64 of a pixel further in.
    assert difference.quantile(0.999) < 4


def test_crops_do_not_change_when_others_are_cut(image: np.ndarray) -> None:
    crops = HostCrops(SIZE, 2, CPU)
    first = crops.cut(image, [(0, 0, 60, 60)])
    before = first.clone()
    crops.cut(image, [(30, 20, 50, 40)])
    assert torch.equal(first, before)
