from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from pasted import cloth, is_at, place

from cape_ros.core.errors import InvalidInput
from cape_ros.perception.category import Category
from cape_ros.perception.estimator import Estimator
from cape_ros.perception.geometry import hull_box
from cape_ros.perception.objects import ObjectKeypoints, ObjectRequest
from cape_ros.perception.trust import Trust


@pytest.fixture(scope="module")
def cup(categories: list[Category]) -> Category:
    return categories[0]


@pytest.fixture(scope="module")
def estimator(cup: Category, categories: list[Category]) -> Estimator:
    estimator = Estimator.load(device="cpu")
    estimator.register(cup)
    estimator.register(categories[1])
    return estimator


def test_every_instance_is_found_where_it_is(
    estimator: Estimator, cup: Category, categories: list[Category]
) -> None:
    scene = cloth()
    cups = [
        place(scene, cup, (130, 130), 170, 0),
        place(scene, cup, (330, 330), 90, 90),
        place(scene, cup, (480, 360), 130, 200),
    ]
    other = place(scene, categories[1], (490, 120), 200, 0)
    found, others = estimator.detect(scene, [cup, categories[1].name])
    assert len(found) == len(cups)
    assert all(sum(is_at(one, truth) for one in found) == 1 for truth in cups)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert len(others) == 1
    assert is_at(others[0], other)


@pytest.mark.slow
def test_what_is_known_is_not_found_again(estimator: Estimator, cup: Category) -> None:
    scene = cloth()
    first, second = (place(scene, cup, (x, 240), 180, 0) for x in (160, 450))
    (found,) = estimator.detect(scene, [cup])
    known = [one for one in found if is_at(one, first)]
    (rest,) = estimator.detect(scene, [cup], known=known)
    assert [is_at(one, second) for one in rest] == [True]
    assert estimator.detect(scene, [cup], known=found) == [[]]


@pytest.mark.slow
def test_of_twenty_identical_objects_as_many_as_are_wanted(
    estimator: Estimator, cup: Category
) -> None:
    scene = cloth()
    truths = [
        place(scene, cup, (70 + 125 * column, 65 + 115 * row), 80, 0)
        for row in range(4)
        for column in range(5)
    ]
    (found,) = estimator.detect(scene, [cup], most=3)
    assert len(found) == 3
    (found,) = estimator.detect(scene, [cup])
    assert len(found) == 8
    at = [[number for number, truth in enumerate(truths) if is_at(one, truth)] for one in found]
    assert len({number for (number,) in at}) == 8


def test_an_object_that_the_border_cuts(estimator: Estimator, cup: Category) -> None:
    scene = cloth()
    truth = place(scene, cup, (590, 240), 200, 0)
    (found,) = estimator.detect(scene, [cup])
    assert [is_at(one, truth) for one in found] == [True]


def test_two_categories_that_look_alike_are_both_there(estimator: Estimator, cup: Category) -> None:
    scene = cloth()
    truth = place(scene, cup, (320, 240), 200, 0)
    twin = replace(cup, name="twin")
    for found in estimator.detect(scene, [cup, twin]):
        assert [is_at(one, truth) for one in found] == [True]


def test_nothing_is_found_where_nothing_is(estimator: Estimator, cup: Category) -> None:
    assert estimator.detect(cloth(), [cup]) == [[]]
    assert estimator.detect(np.zeros((480, 640, 3), np.uint8), [cup]) == [[]]


def test_the_threshold_of_presence_is_the_callers(estimator: Estimator, cup: Category) -> None:
    scene = cloth()
    place(scene, cup, (320, 240), 200, 0)
    assert estimator.detect(scene, [cup], trust=Trust(presence_threshold=1.01)) == [[]]


def test_no_categories_are_no_work(estimator: Estimator) -> None:
    assert estimator.detect(cloth(), []) == []


@pytest.mark.parametrize("shape", [(2, 640, 3), (480, 2, 3)])
def test_an_image_too_small_to_search_in_is_named(
    estimator: Estimator, cup: Category, shape: tuple[int, int, int]
) -> None:
    with pytest.raises(InvalidInput, match="too few to search in"):
        estimator.detect(np.zeros(shape, np.uint8), [cup])


@pytest.mark.parametrize("size", [(3, 3), (3, 900), (900, 3), (31, 17)])
def test_an_image_of_any_shape_can_be_searched(
    estimator: Estimator, cup: Category, size: tuple[int, int]
) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (*size, 3), dtype=np.uint8)
    assert len(estimator.detect(noise, [cup])) == 1


def test_a_camera_that_sends_bgr(estimator: Estimator, cup: Category) -> None:
    scene = cloth()
    truth = place(scene, cup, (320, 240), 200, 0)
    backwards = np.ascontiguousarray(scene[..., ::-1])[..., ::-1]
    (found,) = estimator.detect(backwards, [cup])
    assert [is_at(one, truth) for one in found] == [True]


@pytest.mark.parametrize("part", [1.0, 0.75, 0.5, 0.25])
def test_an_object_from_a_part_of_the_image_to_all_of_it(
    estimator: Estimator, cup: Category, part: float
) -> None:
    x, y, w, h = (round(each) for each in cup.shots[0].box)
    photograph = cup.shots[0].image
    scene = cloth()
    height, width = scene.shape[:2]
    cut = photograph[max(0, y) : y + h, max(0, x) : x + w]
    zoom = part * min(width / cut.shape[1], height / cut.shape[0])
    shown = cv2.resize(cut, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
    scene[: shown.shape[0], : shown.shape[1]] = shown
    truth = (cup.shots[0].keypoints - (max(0, x), max(0, y))) * zoom
    (found,) = estimator.detect(scene, [cup])
    assert sum(is_at(one, truth) for one in found) == 1


def test_objects_that_touch_are_both_found(estimator: Estimator, cup: Category) -> None:
    scene = cloth()
    truths = [place(scene, cup, (x, 240), 110, 0) for x in (200, 320)]
    (found,) = estimator.detect(scene, [cup])
    assert len(found) == len(truths)
    assert all(sum(is_at(one, truth) for one in found) == 1 for truth in truths)
    (rest,) = estimator.detect(scene, [cup], known=found[:1])
    assert len(rest) == 1


def test_work_that_takes_many_passes_is_seen_to_go_on(
    estimator: Estimator, cup: Category, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a slow machine that searches, or is shown a category of five shots, seems to hang."""
    events: list[str] = []
    progress, extract = estimator.progress, estimator.network.extract
    monkeypatch.setattr(progress, "move", lambda: events.append("goes on"))
    monkeypatch.setattr(
        estimator.network, "extract", lambda *a, **k: events.append("pass") or extract(*a, **k)
    )
    estimator.register(replace(cup, name="another", shots=cup.shots[:1] * 5), tokens=None)
    estimator.detect(cloth(), [cup])
    estimator.forget("another")
    together = max(len(passes) for passes in " ".join(events).split("goes on"))
    assert events.count("pass") > 10
    assert together <= len(" pass ")


def test_what_is_estimated_between_the_stages_of_a_search_changes_neither(
    estimator: Estimator, cup: Category
) -> None:
    scene = cloth()
    box = hull_box(place(scene, cup, (200, 200), 150, 30), 0.1)
    place(scene, cup, (450, 320), 110, 100)
    request = ObjectRequest(cup.name, box)
    (alone,) = estimator.estimate(scene, [request])
    (expected,) = estimator.detect(scene, [cup])
    between: list[ObjectKeypoints] = []
    (found,) = estimator.detect(
        scene, [cup], between=lambda: between.extend(estimator.estimate(scene, [request]))
    )
    assert len(between) > 2 * len(found) + 3  # of the finest level, and of each object
    assert all(np.array_equal(one.keypoints, alone.keypoints) for one in between)
    assert len(found) == len(expected) == 2
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.keypoints, other.keypoints, atol=1e-3)
