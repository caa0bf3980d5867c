from __future__ import annotations

import pytest
import torch

from cape_ros.lab.baselines.models import MODELS
from cape_ros.lab.evaluation.cost import gflops

POOLING = 2 * 100 * 64 * 64 * 2048 / 1e9  # as the release does it; here it costs an eightieth


@pytest.mark.parametrize(("model", "released"), [("capeformer", 26.33), ("pomnet", 321.8)])
def test_a_pair_costs_what_the_release_needs_but_for_the_pooling(
    model: str, released: float
) -> None:
    with torch.device("meta"):
        net = MODELS[model]()
    assert gflops(net) == pytest.approx(released - POOLING, rel=5e-3)
