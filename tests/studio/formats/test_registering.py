"""What `cape import` makes of a file: a shot that cannot be used does not cost the others."""

from __future__ import annotations

from typing import Any

import pytest
from files import coco, cvat, labelme, picture, point, read_zip, rectangle, skeleton

from cape_ros.core.errors import InvalidInput
from cape_ros.perception.category import MOST_SHOTS, Category
from cape_ros.studio.formats.registering import to_categories

POINTS = [10, 8, 2, 30, 20, 2]


def imported(*annotations: list[float], **fields: Any) -> tuple[Category, list[str]]:
    """fields: of the first annotation."""
    content = coco({1: "a.png"}, [(1, keypoints) for keypoints in annotations])
    content["annotations"][0] |= fields
    reading = read_zip({"a.json": content, "a.png": picture()})
    (category,) = to_categories(reading)
    return category, reading.problems


def test_a_point_on_the_border() -> None:
    """Programs count from the corner of the image, and round."""
    category, problems = imported([64, 8, 2, 30, 48, 2])
    assert category.shots[0].keypoints.tolist() == [[63.5, 8], [30, 47.5]]
    assert problems == []


def test_a_point_outside_the_image_is_not_seen_and_told() -> None:
    category, problems = imported([70, 8, 2, 30, 20, 2])
    assert category.shots[0].visible.tolist() == [False, True]
    assert problems == ["a.png: 'rim' lies outside the image, at (70, 8)"]


def test_a_skeleton_that_reaches_out_of_the_image() -> None:
    content = cvat(skeleton("mug", {"rim": (-9, 20), "ear": (30, 20)}))
    reading = read_zip({"annotations.xml": content, "a.png": picture()})
    (category,) = to_categories(reading)
    assert category.shots[0].visible.tolist() == [False, True]


@pytest.mark.parametrize(
    ("keypoints", "fields"),
    [
        ([70, 8, 2, -9, 20, 2], {}),
        (POINTS, {"bbox": [200, 200, 10, 10]}),
        (POINTS, {"bbox": [50, 38, 9, 9]}),  # away from every keypoint
        ([0.2, 0.2, 2, 0.5, 0.4, 2], {"bbox": [0.1, 0.1, 0.6, 0.4]}),  # parts of the image's size
        ([0.2, 0.2, 2, 0.5, 0.4, 2], {}),
    ],
)
def test_a_faulty_shot_does_not_cost_the_others(
    keypoints: list[float], fields: dict[str, Any]
) -> None:
    category, problems = imported(keypoints, POINTS, **fields)
    assert [shot.keypoints.tolist() for shot in category.shots] == [[[10, 8], [30, 20]]]
    assert any("a.png" in problem for problem in problems)
    with pytest.raises(InvalidInput, match=r"a\.png"):
        imported(keypoints, **fields)


def test_more_shots_than_a_category_may_have() -> None:
    category, problems = imported(*[POINTS] * (MOST_SHOTS + 3))
    assert len(category.shots) == MOST_SHOTS
    assert problems == [f"mug: only {MOST_SHOTS} shots are taken"]


UNSEEN = "left\u00a0ear\u200b"  # as copied from a page or a document
XML = f"""<annotations><meta><label><name>mug\u200b</name><type>skeleton</type></label>
  <label><name>{UNSEEN}</name><type>points</type><parent>mug\u200b</parent></label></meta>
  <image name="a.png" width="64" height="48">{skeleton("mug", {UNSEEN: (9, 8)})}</image>
</annotations>"""


@pytest.mark.parametrize(
    "content",
    [
        coco({1: "a.png"}, [(1, [9, 8, 2])], (UNSEEN,)),
        labelme("a.png", rectangle("mug\ufeff", 1, 1, 40, 40), point(UNSEEN, 9, 8)),
        XML,
    ],
)
def test_letters_that_nobody_sees_are_no_part_of_a_name(content: Any) -> None:
    name = "a.xml" if content is XML else "a.json"
    (category,) = to_categories(read_zip({name: content, "a.png": picture()}))
    assert (category.name, category.keypoint_names) == ("mug", ("left ear",))
