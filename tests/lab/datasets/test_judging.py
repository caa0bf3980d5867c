"""How benchmarks/detection.py counts."""

from __future__ import annotations

import numpy as np
from detection import judge

from cape_ros.lab.datasets.rendered.cameras import Pose
from cape_ros.lab.datasets.rendered.views import InstanceTruth
from cape_ros.perception.objects import ObjectKeypoints


def truth(x: float) -> InstanceTruth:
    points = np.array([[x, 0], [x + 100, 0], [x, 100]], np.float32)
    box = (x, 0.0, 100.0, 100.0)
    return InstanceTruth(Pose(np.eye(3), np.ones(3)), points, np.ones(3, bool), box, 1.0)


def answer(x: float) -> ObjectKeypoints:
    one, scores = truth(x), np.ones(3, np.float32)
    return ObjectKeypoints("thing", 1, one.box, one.keypoints, scores, scores, ("a", "b", "c"))


def test_a_detection_counts_once_and_so_does_an_instance() -> None:
    found, wrong = judge([answer(2), answer(4), answer(500)], [truth(0), truth(300)])
    assert found[0] is not None
    assert abs(found[0] - 0.02) < 1e-6
    assert found[1] is None
    assert wrong == 2


def test_a_point_that_is_covered_does_not_count() -> None:
    covered = truth(0)
    covered.visible[1:] = False
    shifted = answer(0)
    shifted.keypoints[1:] += 500
    found, wrong = judge([shifted], [covered])
    assert found == [0.0]
    assert wrong == 0
