"""Shots are encoded at eight orientations: a rotated object is found as an upright one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from weakref import ref

import cv2
import numpy as np
import pytest
import torch

from cape_ros.model import CapeFormer, CapeFormerConfig
from cape_ros.model.cross_check import CrossCheck, fit_match_slope, with_slope
from cape_ros.model.layout.rotations import ANGLES, EIGHTHS
from cape_ros.model.scores import Calibration
from cape_ros.perception import supports
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.estimator import Estimator
from cape_ros.perception.geometry import Crop, hull_box
from cape_ros.perception.objects import ObjectKeypoints, ObjectRequest
from cape_ros.perception.supports import cross_check

pytestmark = pytest.mark.numeric


@pytest.fixture(scope="module")
def estimator() -> Estimator:
    return Estimator.load(device="cpu")


def rotated(shot: SupportShot, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """Its photograph rotated counter-clockwise, and where the keypoints are in it."""
    height, width = shot.image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    image = cv2.warpAffine(shot.image, matrix, (width, height))
    return image, shot.keypoints @ matrix[:, :2].T + matrix[:, 2]


@pytest.mark.parametrize("degrees", [45, 90, 150, 180, 270])
def test_photographs_that_are_rotated(
    estimator: Estimator, categories: list[Category], degrees: float
) -> None:
    for category in categories:
        image, true = rotated(category.shots[0], degrees)
        height, width = image.shape[:2]
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


def test_several_shots_are_kept_rotated(estimator: Estimator, categories: list[Category]) -> None:
    shot = categories[0].shots[0]
    names = categories[0].keypoint_names
    tokens = estimator.encode(Category("two", names, shots=[shot, shot]))
    alone = estimator.encode(Category("one", names, shots=[shot]))
    assert len(tokens.rotated) == len(alone.rotated) == EIGHTHS - 1
    for one, other in zip(tokens.rotated, alone.rotated, strict=True):
        torch.testing.assert_close(one.tokens, other.tokens, atol=1e-4, rtol=1e-3)
        assert one.layouts
        assert one.layouts.landmarks.shape[1] == 2


def test_rotated_supports_come_step_by_step(
    estimator: Estimator, categories: list[Category], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two shots at a time; upright ones stand in for an angle until all shots are seen from it.
    Features, which take the most memory, are not kept for that."""
    features = []

    def watched(*arguments: Any) -> CrossCheck:
        features.extend(ref(shot.features) for shot in arguments[-1])
        return cross_check(*arguments)

    monkeypatch.setattr(supports, "cross_check", watched)
    shot, names = categories[0].shots[0], categories[0].keypoint_names
    thing = Category("thing", names, shots=[shot] * 3)
    whole = estimator.encode(thing)
    upright, better = estimator.encode_upright(thing)
    assert len(features) == 6
    assert not any(one() is not None for one in features)
    steps = [upright, *better]
    assert len(steps) == 1 + 2 * len(ANGLES)
    for at, tokens in enumerate(steps):
        assert tokens.check == whole.check
        assert torch.equal(tokens.tokens, whole.tokens)
        expected = [*whole.rotated[: at // 2], *[whole] * (len(ANGLES) - at // 2)]
        for one, other in zip(tokens.rotated, expected, strict=True):
            torch.testing.assert_close(one.tokens, other.tokens, atol=1e-6, rtol=1e-6)
            assert one.layouts
            assert other.layouts
            torch.testing.assert_close(
                one.layouts.landmarks, other.layouts.landmarks, atol=1e-6, rtol=1e-6
            )


@pytest.mark.slow
def test_what_was_just_registered_leaves_others_their_orientations(
    estimator: Estimator, categories: list[Category]
) -> None:
    """It is found itself, upright; and where it is rotated, once that orientation is encoded."""
    known, (fresh, later) = categories[0], (replace(categories[1]) for _ in range(2))
    tokens, better = estimator.encode_upright(fresh)
    estimator.register(fresh, tokens)
    image, true = rotated(known.shots[0], 90)
    requests = [ObjectRequest(each, hull_box(true)) for each in (known, fresh)]
    (alone,) = estimator.estimate(image, requests[:1])
    beside, _ = estimator.estimate(image, requests)
    np.testing.assert_allclose(beside.keypoints, alone.keypoints, atol=0.01)
    np.testing.assert_allclose(beside.scores, alone.scores, atol=1e-4)

    def estimate(category: Category, degrees: float) -> ObjectKeypoints:
        image, true = rotated(category.shots[0], degrees)
        return estimator.estimate(image, [ObjectRequest(category, hull_box(true))])[0]

    assert estimate(fresh, 0.0).score > 0.8 > estimate(fresh, 90.0).score
    for tokens in better:
        estimator.register(fresh, tokens)
    for degrees in (0.0, 90.0):
        np.testing.assert_array_equal(
            estimate(fresh, degrees).keypoints, estimate(later, degrees).keypoints
        )
    assert estimate(fresh, 90.0).score > 0.8
    estimator.forget(fresh.name)


def test_without_votes_nothing_is_kept_rotated() -> None:
    """As in the paper: registration then costs one pass for each shot."""
    config = CapeFormerConfig(
        backbone="resnet18", stride=16, image_size=(64, 64), width=32, heads=4, feedforward=48
    )
    torch.manual_seed(0)
    plain = Estimator(CapeFormer(config), Calibration(), "cpu")
    image = np.random.default_rng(0).integers(0, 255, (80, 80, 3), dtype=np.uint8)
    thing = Category("thing", ["a", "b"], shots=[SupportShot(image, [(20, 30), (50, 40)])])
    assert plain.encode(thing).rotated == ()


@pytest.mark.slow
def test_shots_check_each_other(estimator: Estimator, categories: list[Category]) -> None:
    """Three photographs of one thing, rotated a little: everything is found in every one, so scores
    are raised; in a fourth whose keypoints lie somewhere else, nothing is."""
    shot, names = categories[0].shots[0], categories[0].keypoint_names
    shots = [SupportShot(*rotated(shot, degrees)) for degrees in (-10, 0, 10)]
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
    visible = np.ones(len(names), bool)
    visible[:2] = False
    less = SupportShot(shot.image, shot.keypoints, visible)
    check = estimator.encode(Category("thing", names, shots=[shot, less])).check
    assert check.judged == 2 * (len(names) - 2)


def test_a_support_that_is_seen_by_a_backbone_of_its_own(categories: list[Category]) -> None:
    """As in Table A2: shots are encoded as queries are."""
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
    mean = with_slope(found.matches, 1 / slope).mean()
    assert slope == pytest.approx(fit_match_slope(np.array([mean, mean])), abs=1e-3)
