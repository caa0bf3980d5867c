from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cape_ros
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.drawing.instances import COLORS, instance_colors
from cape_ros.perception.drawing.overlay import draw, keypoint_color
from cape_ros.perception.objects import ObjectKeypoints

GREY = 90
POINTS = [[160.0, 240.0], [320.0, 240.0], [480.0, 240.0], [320.0, 120.0]]
BOX = (100.0, 60.0, 440.0, 360.0)


@pytest.fixture
def image() -> np.ndarray:
    return np.full((480, 640, 3), GREY, np.uint8)


@pytest.fixture
def arm(image: np.ndarray) -> Category:
    names = ["left", "middle", "right", "top"]
    return Category("arm", names, [(0, 1), (1, 2)], [SupportShot(image, POINTS, [1, 1, 1, 0])])


def found(
    scores: Any = (0.9, 0.9, 0.9, 0.9), points: Any = POINTS, **others: Any
) -> ObjectKeypoints:
    keypoints = np.array(points, np.float32)
    certain = np.array(scores, np.float32)
    return ObjectKeypoints("arm", 1, BOX, keypoints, certain, certain, "abcd", **others)


def test_trusted_points_are_filled_in_their_own_colours(image: np.ndarray, arm: Category) -> None:
    drawn = draw(image, [found()], {"arm": arm})
    for index, (x, y) in enumerate(POINTS):
        assert tuple(drawn[int(y), int(x)]) == keypoint_color(index)
    assert len({keypoint_color(index) for index in range(100)}) == 100


def test_points_that_are_not_trusted_are_small_rings(image: np.ndarray) -> None:
    trusted = draw(image, [found()], {})
    doubtful = draw(image, [found([0.9, 0.29, 0.9, 0.9])], {})
    x, y = 320, 240
    assert (doubtful[y, x] == GREY).all()
    near = np.s_[y - 8 : y + 9, x - 8 : x + 9]
    marked = [(drawn[near] != GREY).any(axis=2).sum() for drawn in (doubtful, trusted)]
    assert 0 < marked[0] < marked[1]
    bolder = draw(image, [found([0.9, 0.29, 0.9, 0.9])], {}, min_score=0.2)
    assert (bolder[near] == trusted[near]).all()


def test_edges_join_trusted_points_only(image: np.ndarray, arm: Category) -> None:
    drawn = draw(image, [found([0.9, 0.9, 0.1, 0.9])], {"arm": arm})
    assert (drawn[240, 290] != GREY).any()
    assert (drawn[236:245, 450] == GREY).all()


def test_names_and_title_are_written(image: np.ndarray, arm: Category) -> None:
    bare, named = draw(image, [found()], {}), draw(image, [found()], {"arm": arm})
    beside = np.s_[110:130, 328:360]
    assert (bare[beside] == GREY).all()
    assert (named[beside] != GREY).any()
    assert (bare[40:58, 102:150] != GREY).any()


def test_text_that_fits_no_picture_is_cut(image: np.ndarray) -> None:
    words = "the rim of the cup " * 100_000
    short, long = (Category("arm", [name, *"bcd"]) for name in (words[:100], words))
    drawn = draw(image, [found()], {"arm": long})
    assert (drawn == draw(image, [found()], {"arm": short})).all()
    nameless = Category("arm", [" . ", *"bcd"])
    assert (drawn != draw(image, [found()], {"arm": nameless})).any()
    absent = [replace(found([0] * 4), category=f"mug_{number:060d}") for number in range(20_000)]
    listed = draw(image, absent, {})
    assert (listed[-20:, 10:630] != GREY).any()


def test_titles_of_objects_in_one_place_do_not_cover_each_other(image: np.ndarray) -> None:
    many = [found([0.1] * 4, track_id=number) for number in range(8)]
    drawn = draw(image, many, {})
    letters = [(drawn == color).all(axis=2).sum() for color in instance_colors(many)]
    assert min(letters) > 20  # their boxes cover each other
    narrow = np.full((40, 60, 3), GREY, np.uint8)
    draw(narrow, many, {})


def test_every_object_has_its_own_colour_on_each_page_and_picture() -> None:
    def colors(*ids: int) -> dict[int, Any]:
        return dict(zip(ids, instance_colors([found(track_id=i) for i in ids]), strict=True))

    assert colors(3, 11) == colors(11, 3)
    assert colors(3, 4, 11)[3] == colors(3)[3]
    assert len(set(colors(*range(5, 13)).values())) == 8
    assert len(set(colors(3, 11, 19).values())) == 3
    assert len(set(instance_colors([found(), found(), found()]))) == 3
    script = Path(cape_ros.__file__).parent / "studio/page/js/instances.js"
    listed = re.findall(r"\[(\d+), (\d+), (\d+)\]", script.read_text())
    assert [tuple(map(int, color)) for color in listed] == list(COLORS)


def test_a_predicted_object_is_faded(image: np.ndarray) -> None:
    seen, predicted = (draw(image, [found(predicted=there)], {}) for there in (False, True))
    corner = np.s_[58:63, 100:140]
    assert (predicted[corner].max(axis=(0, 1)) < seen[corner].max(axis=(0, 1))).any()


def test_nothing_found_changes_nothing(image: np.ndarray) -> None:
    assert (draw(image, [], {}) == image).all()


def test_an_object_that_is_lost_is_only_listed(image: np.ndarray, arm: Category) -> None:
    drawn = draw(image, [found([0, 0, 0, 0])], {"arm": arm})
    assert (drawn[:450] == GREY).all()
    assert (drawn[455:] != GREY).any()


def test_the_input_stays_and_out_is_used_again(image: np.ndarray, arm: Category) -> None:
    image.setflags(write=False)
    out = np.zeros_like(image)
    drawn = draw(image, [found()], {"arm": arm}, out=out)
    assert drawn is out
    assert (image == GREY).all()
    assert (draw(image, [found()], {"arm": arm}) == out).all()
    assert (draw(image, [], {}, out=out) == GREY).all()


@pytest.mark.parametrize("size", [(240, 320), (1080, 1920), (40, 30), (1, 1)])
def test_every_size_can_be_drawn_on(size: tuple[int, int], arm: Category) -> None:
    image = np.full((*size, 3), GREY, np.uint8)
    scale = np.array([size[1] / 640, size[0] / 480])
    drawn = draw(image, [found(points=POINTS * scale)], {"arm": arm})
    assert drawn.shape == image.shape
    assert (drawn != GREY).any()


def test_points_far_away_or_unknown_do_no_harm(image: np.ndarray, arm: Category) -> None:
    points = [[1e30, -1e30], [np.nan, 5.0], [-50.0, 700.0], [320.0, 120.0]]
    drawn = draw(image, [found(points=points)], {"arm": arm})
    assert tuple(drawn[120, 320]) == keypoint_color(3)


def test_a_category_that_changed_since_gives_no_names(image: np.ndarray) -> None:
    other = Category("arm", ["one"], [])
    assert (draw(image, [found()], {"arm": other}) == draw(image, [found()], {})).all()


def test_a_name_in_any_script_can_be_written(image: np.ndarray) -> None:
    category = Category("arm", ["naïve", "左手", "🙂", "x" * 300])
    draw(image, [found()], {"arm": category})
