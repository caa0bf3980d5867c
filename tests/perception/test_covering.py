"""What is covered is gone, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from cape_ros.perception.covering import cover, estimate_covered
from cape_ros.perception.objects import ObjectKeypoints, ObjectRequest

SQUARE = np.array([[20, 20], [40, 20], [40, 40], [20, 40]], np.float32)
WHITE, GREY = 255, 90


@pytest.fixture
def image() -> np.ndarray:
    image = np.full((60, 100, 3), GREY, np.uint8)
    image[20:41, 20:41] = image[20:41, 70:91] = WHITE
    return image


def test_a_covered_object_looks_like_what_is_around_it(image: np.ndarray) -> None:
    before = image.copy()
    covered = cover(image, [SQUARE])
    assert (covered[:, :60] == GREY).all()
    assert (covered[:, 60:] == before[:, 60:]).all()
    assert (image == before).all()


@pytest.mark.parametrize("move", [(-30, -30), (80, 40), (-500, 0), (1e4, 1e4)])
def test_an_object_at_the_border_or_outside_breaks_nothing(
    image: np.ndarray, move: tuple[float, float]
) -> None:
    assert cover(image, [SQUARE + np.float32(move)]).shape == image.shape


def test_a_point_and_a_line_can_be_covered(image: np.ndarray) -> None:
    for points in (SQUARE[:1], SQUARE[:2]):
        assert (cover(image, [points]) != image).any()


def test_each_answer_belongs_to_its_request(image: np.ndarray) -> None:
    def estimate(image: np.ndarray, requests: Sequence[ObjectRequest]) -> list[ObjectKeypoints]:
        seen = np.array([image.max() / 255], np.float32)
        points = np.zeros((1, 2), np.float32)
        return [ObjectKeypoints("mug", 1, r.box, points, seen, seen, "a") for r in requests]

    boxes = [(float(at), 0.0, 9.0, 9.0) for at in range(3)]
    both = [SQUARE, SQUARE + np.float32((50, 0))]
    hidden: list[list[np.ndarray]] = [[], both, []]
    wanted = [(ObjectRequest("mug", box), some) for box, some in zip(boxes, hidden, strict=True)]
    answers = estimate_covered(estimate, image, wanted)
    assert [one.box for one in answers] == boxes
    assert [one.score for one in answers] == pytest.approx([1, GREY / 255, 1])
