"""The scores of the shipped weights where every answer is wrong, on photographs."""

from __future__ import annotations

import pytest
import torch

from cape_ros.lab.datasets.mp100 import Dataset
from cape_ros.lab.evaluation.evaluate import Evaluation, compare
from cape_ros.lab.evaluation.trials import empty_box
from cape_ros.model import checkpoints
from cape_ros.model.weights import SHIPPED


@pytest.fixture(scope="module")
def evaluation(photograph_data: Dataset) -> Evaluation:
    torch.manual_seed(0)
    net, facts = checkpoints.load(SHIPPED)
    return compare(photograph_data, net, facts, shots=(1,))


def test_with_the_support_of_another_object_the_scores_are_low(evaluation: Evaluation) -> None:
    facts = evaluation.all_trials(1).facts()["swapped"]
    assert facts["pairs"] == 4 * 3 * 2
    assert facts["ratio"] <= 1 / 3
    assert facts["reported"] < 0.25 < 0.9 < facts["reported_right"]


def test_where_nothing_is_the_scores_are_low(evaluation: Evaluation) -> None:
    facts = evaluation.all_trials(1).facts()["empty"]
    assert facts["ratio"] <= 1 / 3
    assert facts["reported"] < 0.1


def test_what_is_right_scores_high(evaluation: Evaluation) -> None:
    facts = evaluation.all_quality(1).facts()
    assert facts["points"] == sum(2 * 3 * count for count in (8, 8, 9, 10))
    assert facts["right"] > 0.9
    assert facts["calibration_error"] < 0.2


def test_an_empty_box_lies_beside_every_object_with_its_margin() -> None:
    box = empty_box([(0, 0, 100, 100)], width=400, height=200)
    assert box is not None
    x, _, side, _ = box
    assert side == 100
    assert x - side / 8 >= 100
    assert empty_box([(0, 0, 200, 200)], width=200, height=200) is None
    assert empty_box([(0, 0, 30, 30)], width=400, height=400) is None  # would show nothing
