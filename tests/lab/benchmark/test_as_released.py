"""What everything is compared with computes the same numbers as the authors' release."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from golden import POINTS, SHOTS, Golden

from cape_ros.lab.benchmark.as_released import AsReleased
from cape_ros.model import CapeFormer

pytestmark = pytest.mark.numeric


@pytest.mark.parametrize("case", ["s1", "s3"])
def test_as_released(shared: Path, case: str) -> None:
    golden = Golden(shared / "golden")
    released = AsReleased(CapeFormer.from_released(golden.state_dict()))
    images, heatmaps, masks = golden.support(case)
    assert len(images) == SHOTS.get(case, 1)
    with torch.inference_mode():
        points = released(golden.images("q", (0, 1)), images, heatmaps, masks)
    expected = torch.from_numpy(golden.expected[f"{case}_output"][-1])
    assert points.shape == (2, 100, 2)
    assert (points - expected).abs().max() < POINTS
