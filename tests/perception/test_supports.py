"""Shots are kept as they look from all sides of a circle: what has turned is found all the same."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from cape_ros.model import CapeFormer, CapeFormerConfig
from cape_ros.model.cross_check import fit_match_slope, with_slope
from cape_ros.model.scores import Calibration
from cape_ros.model.turns import EIGHTHS
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.estimator import Estimator
from cape_ros.perception.geometry import Crop, hull_box
from cape_ros.perception.objects import ObjectRequest


@pytest.fixture(scope="module")
def estimator() -> Estimator:
    return Estimator.load(device="cpu")


@pytest.mark.parametrize("degrees", [45, 90, 150, 180, 270])
def test_photographs_that_are_turned(
    estimator: Estimator, categories: list[Category], degrees: float
) -> None:
    for category in categories:
        shot = category.shots[0]
        height, width = shot.image.shape[:2]
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
        image = cv2.warpAffine(shot.image, turn, (width, height))
        true = shot.keypoints @ turn[:, :2].T + turn[:, 2]
        box = hull_box(true)
        (found,) = estimator.estimate(image, [ObjectRequest(category, box)])
        inside = ((true >= 0) & (true < (width, height))).all(axis=1)
        away = np.linalg.norm(found.keypoints - true, axis=1)[inside] / max(box[2:])
        assert away.max() < 0.1, category.name
        assert np.median(away) < 0.03, category.name
        assert found.scores[inside].mean() > 0.8, category.name
        shown = estimator.inspect(image, ObjectRequest(category, box)).points / 256
        shown = Crop.of_box(found.box).to_image(shown)
        np.testing.assert_allclose(shown, found.keypoints, atol=0.5)


def test_several_shots_are_kept_turned(estimator: Estimator, categories: list[Category]) -> None:
    shot = categories[0].shots[0]
    names = categories[0].keypoint_names
    tokens = estimator.encode(Category("two", names, shots=[shot, shot]))
    alone = estimator.encode(Category("one", names, shots=[shot]))
    assert len(tokens.turned) == len(alone.turned) == EIGHTHS - 1
    for one, other in zip(tokens.turned, alone.turned, strict=True):
        torch.testing.assert_close(one.tokens, other.tokens, atol=1e-4, rtol=1e-3)
        assert one.layouts
        assert one.layouts.landmarks.shape[1] == 2


def test_without_votes_nothing_is_kept_turned() -> None:
    """As in the paper: registration then costs one pass for each shot."""
    config = CapeFormerConfig(
        backbone="resnet18", stride=16, image_size=(64, 64), width=32, heads=4, feedforward=48
    )
    torch.manual_seed(0)
    plain = Estimator(CapeFormer(config), Calibration(), "cpu")
    image = np.random.default_rng(0).integers(0, 255, (80, 80, 3), dtype=np.uint8)
    thing = Category("thing", ["a", "b"], shots=[SupportShot(image, [(20, 30), (50, 40)])])
    assert plain.encode(thing).turned == ()


def test_shots_check_each_other(estimator: Estimator, categories: list[Category]) -> None:
    """Three photographs of one thing, turned a little: everything is found in every one, so scores
    are raised; in a fourth whose keypoints lie somewhere else, nothing is."""
    shot, names = categories[0].shots[0], categories[0].keypoint_names
    height, width = shot.image.shape[:2]

    def turned(degrees: float) -> SupportShot:
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
        points = shot.keypoints @ turn[:, :2].T + turn[:, 2]
        return SupportShot(cv2.warpAffine(shot.image, turn, (width, height)), points)

    shots = [turned(degrees) for degrees in (-10, 0, 10)]
    elsewhere = SupportShot(shot.image, shot.keypoints[::-1])
    alike = Category("alike", names, shots=shots)
    mixed = Category("mixed", names, shots=[*shots, elsewhere])
    check = estimator.encode(alike).check
    assert check.right == check.judged == 3 * len(names)
    assert check.score_slope > 1.05
    assert estimator.encode(mixed).check.score_slope < 1
    assert estimator.encode(categories[0]).check.judged == 0
    box = shots[0].box
    found = estimator.estimate(shot.image, [ObjectRequest(alike, box), ObjectRequest(mixed, box)])
    for one, category in zip(found, (alike, mixed), strict=True):
        check = estimator.encode(category).check
        expected = with_slope(one.matches, check.score_slope / check.match_slope)
        np.testing.assert_allclose(one.scores, expected, atol=1e-3)
        assert one.score == pytest.approx(one.matches.mean())
    (alone,) = estimator.estimate(shot.image, [ObjectRequest(categories[0], box)])
    np.testing.assert_array_equal(alone.scores, alone.matches)


def test_a_keypoint_that_one_shot_shows_alone_is_not_judged(
    estimator: Estimator, categories: list[Category]
) -> None:
    shot, names = categories[0].shots[0], categories[0].keypoint_names
    hidden = np.ones(len(names), bool)
    hidden[:2] = False
    less = SupportShot(shot.image, shot.keypoints, hidden)
    check = estimator.encode(Category("thing", names, shots=[shot, less])).check
    assert check.judged == 2 * (len(names) - 2)


def test_a_support_that_is_seen_by_a_backbone_of_its_own(categories: list[Category]) -> None:
    """As in Table A2: shots that are looked at as queries are seen as queries are."""
    config = CapeFormerConfig(
        backbone="resnet18",
        stride=16,
        image_size=(64, 64),
        width=32,
        heads=4,
        feedforward=48,
        shared_backbone=False,
    )
    torch.manual_seed(0)
    plain = Estimator(CapeFormer(config), Calibration(), "cpu")
    shot, names = categories[0].shots[0], categories[0].keypoint_names
    twice = Category("twice", names, shots=[shot, shot])
    (found,) = plain.estimate(shot.image, [ObjectRequest(twice, shot.box)])
    slope = plain.encode(twice).check.match_slope
    told = with_slope(found.matches, 1 / slope).mean()
    assert slope == pytest.approx(fit_match_slope(np.array([told, told])), abs=1e-3)
