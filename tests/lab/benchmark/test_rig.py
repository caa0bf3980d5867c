"""What stands in for the network in benchmarks/node.py answers as one does."""

from __future__ import annotations

import numpy as np
import pytest
from rig import networks

from cape_ros.lab.benchmark import subjects
from cape_ros.perception.objects import ObjectRequest


@pytest.mark.parametrize("network", ["tiny", "0"])
def test_networks_of_the_rig(network: str) -> None:
    image, wanted = subjects.image(320, 240), subjects.category()
    request = ObjectRequest(wanted, (80, 60, 160, 120))
    (found,) = networks.estimator(network).estimate(image, [request])
    assert len(found.keypoints) == subjects.KEYPOINTS
    assert np.isfinite(found.keypoints).all()
    assert found.score > 0
