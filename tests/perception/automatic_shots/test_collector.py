from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest

from cape_ros.media.motion import project
from cape_ros.perception.automatic_shots.collector import Candidate, ShotCollector
from cape_ros.perception.category import Category
from cape_ros.perception.estimator import Estimator
from cape_ros.perception.objects import ObjectKeypoints
from cape_ros.perception.trust import Trust

TRUST = Trust()


@pytest.fixture(scope="module")
def estimator() -> Estimator:
    return Estimator.load()


@pytest.fixture
def coffee(categories: list[Category]) -> Category:
    return replace(categories[0], version=1)


def turned(category: Category, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """The category's photograph as a camera sees it that has gone around it: image, keypoints."""
    (shot,) = category.shots
    height, width = shot.image.shape[:2]
    focal, angle = 2.0 * width, math.radians(degrees)
    intrinsic = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1.0]])
    plane = np.array(  # x and y of the photograph, in a plane `focal` away, about the y axis
        [[math.cos(angle), 0, 0], [0, 1, 0], [math.sin(angle), 0, focal]]
    )
    homography = intrinsic @ plane @ np.array([[1, 0, -width / 2], [0, 1, -height / 2], [0, 0, 1]])
    image = cv2.warpPerspective(shot.image, homography, (width, height))
    return image, project(homography, shot.keypoints).astype(np.float32)


def seen(category: Category, points: np.ndarray, score: float = 0.9) -> ObjectKeypoints:
    scores = np.full(len(points), score, np.float32)
    names = category.keypoint_names
    box = (0.0, 0.0, 1.0, 1.0)
    return ObjectKeypoints(category.name, 1, box, points, scores, scores, names, track_id=3)


def collected(
    collector: ShotCollector, category: Category, degrees: float, **changed: object
) -> Candidate | None:
    image, points = turned(category, degrees)
    found = replace(seen(category, points), **changed)
    return collector.see(image, found, category, TRUST)


def test_a_view_from_another_side_that_passes_is_suggested_with_its_keypoints_in_place(
    estimator: Estimator, coffee: Category
) -> None:
    collector = ShotCollector(estimator)
    assert collected(collector, coffee, 5) is None  # it is what the shot shows
    candidate = collected(collector, coffee, 40)
    assert candidate is not None
    shot = collector.check(candidate)
    assert shot is not None
    assert shot.automatic
    assert shot.visible.all()
    assert collector.suggested(coffee) == (shot,)
    # The same places on the object: a patch around each keypoint looks like that in the frame.
    image, points = turned(coffee, 40)
    zoom = np.ptp(shot.keypoints, axis=0) / np.ptp(points, axis=0)
    assert np.allclose(zoom, zoom.mean(), rtol=0.05)
    places = points.round().astype(int), shot.keypoints.round().astype(int)
    for (x, y), (u, v) in zip(*places, strict=True):
        patch = image[y - 2 : y + 3, x - 2 : x + 3].mean(axis=(0, 1))
        kept = shot.image[v - 2 : v + 3, u - 2 : u + 3].mean(axis=(0, 1))
        assert np.abs(patch - kept).max() < 40


def test_a_view_whose_points_are_wrong_is_refused(estimator: Estimator, coffee: Category) -> None:
    collector = ShotCollector(estimator)
    image, points = turned(coffee, 40)
    wrong = np.roll(points, 3, axis=0)
    candidate = collector.see(image, seen(coffee, wrong), coffee, TRUST)
    assert candidate is not None
    assert collector.check(candidate) is None
    assert collector.suggested(coffee) == ()


@pytest.mark.parametrize(
    "changed",
    [
        {"track_id": -1},
        {"predicted": True},
        {"scores": np.full(8, 0.1, np.float32)},
        {"matches": np.full(8, 0.3, np.float32)},
    ],
)
def test_only_confident_views_of_tracked_objects_are_taken(
    estimator: Estimator, coffee: Category, changed: dict[str, object]
) -> None:
    collector = ShotCollector(estimator)
    assert collected(collector, coffee, 5) is None  # its score is 0.9
    assert collected(collector, coffee, 40, **changed) is None


def test_an_object_that_the_image_cuts_off_is_not_taken(
    estimator: Estimator, coffee: Category
) -> None:
    image, points = turned(coffee, 40)
    left = int(points[:, 0].min())
    cut = points - (left, 0)
    view = np.ascontiguousarray(image[:, left:])
    assert ShotCollector(estimator).see(view, seen(coffee, cut), coffee, TRUST) is None


def test_what_was_collected_ends_with_its_version(estimator: Estimator, coffee: Category) -> None:
    collector = ShotCollector(estimator)
    candidate = collected(collector, coffee, 40)
    assert candidate is not None
    collector.forget(coffee.name)
    assert collector.check(candidate) is None
    candidate = collected(collector, coffee, 40)
    assert candidate is not None
    assert collector.check(candidate) is not None
    assert collector.suggested(replace(coffee, version=2)) == ()
