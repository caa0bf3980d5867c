"""Shapes of their own are brought together to objects: right, or told."""

from __future__ import annotations

from typing import Any

from files import (
    box,
    cvat,
    labelme,
    lone,
    only,
    picture,
    point,
    read_zip,
    rectangle,
    skeleton,
)

from cape_ros.studio.formats.reading import ImportResult
from cape_ros.studio.formats.shapes import MOST_SHAPES

FIRST, SECOND = {"eye": (6, 8), "fin": (20, 20)}, {"eye": (40, 30), "fin": (55, 40)}


def of_cvat(*shapes: str) -> ImportResult:
    return read_zip({"a.xml": cvat(*shapes), "a.png": picture()})


def of_labelme(*shapes: dict[str, Any]) -> ImportResult:
    return read_zip({"a.json": labelme("a.png", *shapes), "a.png": picture()})


def boxes(reading: ImportResult) -> dict[tuple[float, float], tuple[float, ...] | None]:
    """Box by the first point of its object."""
    return {next(iter(one.points.values())): one.box for one in reading.marked}


def test_boxes_without_groups_go_to_the_objects_that_lie_in_them() -> None:
    shapes = [
        skeleton("fish", FIRST),
        skeleton("fish", SECOND),
        box("fish", 34, 24, 62, 46),
        box("fish", 2, 2, 30, 26),
    ]
    expected = {(6, 8): (2, 2, 28, 24), (40, 30): (34, 24, 28, 22)}
    assert boxes(of_cvat(*shapes)) == expected
    assert boxes(of_cvat(*reversed(shapes))) == expected


def test_a_box_is_of_one_object_only() -> None:
    reading = of_cvat(skeleton("fish", FIRST), skeleton("fish", SECOND), box("fish", 2, 2, 30, 26))
    assert boxes(reading) == {(6, 8): (2, 2, 28, 24), (40, 30): None}


def test_a_small_object_in_the_box_of_a_large_one() -> None:
    reading = of_cvat(
        skeleton("fish", {"eye": (30, 20), "fin": (34, 24)}),
        skeleton("fish", {"eye": (5, 5), "fin": (60, 40)}),
        box("fish", 1, 1, 63, 46),
        box("fish", 28, 18, 36, 26),
    )
    assert boxes(reading) == {(30, 20): (28, 18, 8, 8), (5, 5): (1, 1, 62, 45)}


def test_a_group_counts_more_than_labels_and_places() -> None:
    group = 'group_id="3"'
    reading = of_cvat(
        skeleton("fish", FIRST, group),
        box("fish", 0, 0, 64, 48),
        box("fish_box", 1, 1, 50, 45, group),
    )
    assert only(reading).box == (1, 1, 49, 44)
    assert only(reading).category == "fish"
    assert "1 box (fish) belongs" in reading.problems[0]


def test_a_box_of_another_label_without_a_group_is_told() -> None:
    reading = of_cvat(skeleton("fish", FIRST), box("table", 0, 0, 64, 48))
    assert only(reading).box is None
    assert "table" in reading.problems[0]


def test_rotated_boxes() -> None:
    reading = of_cvat(
        skeleton("fish", {"eye": (30, 10), "fin": (25, 30)}),
        box("fish", 10, 10, 50, 30, 'rotation="90"'),
    )
    assert only(reading).box == (20, 0, 20, 40)
    corners = [[30, 5], [45, 20], [30, 35], [15, 20]]
    rotated = {"label": "fish", "points": corners, "shape_type": "rotation"}
    assert only(of_labelme(point("eye", 30, 20), rotated)).box == (15, 5, 30, 30)


def test_points_with_a_label_each_are_one_object() -> None:
    marks = {"rim": (10, 8), "ear": (30, 20), "foot": (40, 40)}
    shapes = [lone(name, *place) for name, place in marks.items()]
    reading = read_zip(
        {
            "a/annotations.xml": cvat(*shapes, image="a.png"),
            "b/annotations.xml": cvat(*shapes[:2], image="b.png"),
            "a.png": picture(1),
            "b.png": picture(2),
        }
    )
    assert len({one.category for one in reading.marked}) == 1
    assert [len(one.points) for one in reading.marked] == [3, 2]
    assert reading.marked[0].points == marks


def test_points_in_different_boxes_are_different_objects() -> None:
    shapes = [point("rim", 5, 5), point("ear", 12, 9), point("rim", 40, 30), point("ear", 50, 40)]
    around = [rectangle("mug", 2, 2, 20, 20), rectangle("cup", 35, 25, 60, 45)]
    reading = of_labelme(*shapes, *around)
    assert {one.category: one.points["rim"] for one in reading.marked} == {
        "mug": (5, 5),
        "cup": (40, 30),
    }
    assert {one.category: one.box for one in reading.marked} == {
        "mug": (2, 2, 18, 18),
        "cup": (35, 25, 25, 20),
    }
    assert reading.problems == []


def test_a_point_beside_the_rim_of_its_box_still_belongs_to_it() -> None:
    reading = of_labelme(point("rim", 1, 10), point("ear", 20, 10), rectangle("mug", 2, 2, 30, 30))
    assert only(reading).category == "mug"
    assert only(reading).box == (2, 2, 28, 28)


def test_grouped_points_in_a_rectangle_without_a_group() -> None:
    reading = of_labelme(
        point("rim", 5, 5, 1),
        point("rim", 40, 30, 2),
        rectangle("mug", 2, 2, 20, 20),
        rectangle("mug", 35, 25, 60, 45),
    )
    assert boxes(reading) == {(5, 5): (2, 2, 18, 18), (40, 30): (35, 25, 25, 20)}
    assert {one.category for one in reading.marked} == {"mug"}


def test_photographs_of_points_only_are_shots_of_one_category() -> None:
    files: dict[str, Any] = {}
    for number in range(25):
        shapes = [point("rim", number, 10), point("ear", 40, 30)][: 2 if number else 1]
        files[f"IMG_{number:04d}.json"] = labelme(f"IMG_{number:04d}.png", *shapes)
        files[f"IMG_{number:04d}.png"] = picture(number)
    reading = read_zip(files)
    assert {one.category for one in reading.marked} == {"IMG"}
    assert len(reading.marked) == 25


def test_objects_without_a_common_keypoint_are_different_categories() -> None:
    files = {
        "1.json": labelme("1.png", point("rim", 1, 1), point("ear", 9, 9)),
        "2.json": labelme("2.png", point("blade", 1, 1), point("grip", 9, 9)),
        "1.png": picture(1),
        "2.png": picture(2),
    }
    assert [one.category for one in read_zip(files).marked] == ["1", "2"]


def test_a_label_that_is_marked_twice_is_told() -> None:
    reading = of_labelme(point("rim", 5, 5), point("rim", 9, 9), point("ear", 20, 20))
    assert only(reading).points == {"rim": (5, 5), "ear": (20, 20)}
    assert "'rim' is marked twice" in reading.problems[0]


def test_two_points_of_one_name_in_a_skeleton_are_both_kept() -> None:
    legs = skeleton("table", {"leg": (5, 5)}).replace(
        "</skeleton>", '<points label="leg" outside="0" points="20.5,5.5"/></skeleton>'
    )
    reading = of_cvat(legs)
    assert only(reading).points == {"leg": (5, 5), "leg_2": (20, 5)}
    assert "leg_2" in reading.problems[0]


def test_a_shape_that_is_wrong_does_not_take_the_others_with_it() -> None:
    reading = of_cvat(
        skeleton("fish", FIRST), box("fish", 1, 1, float("nan"), 9), lone("x", 1e9, 1)
    )
    assert only(reading).points == FIRST
    assert len(reading.problems) == 2
    wrong = {"label": "rim", "points": [["a", 1]], "shape_type": "point"}
    reading = of_labelme(point("ear", 4, 4), wrong, {"points": []}, rectangle("mug", 5, 5, 5, 9))
    assert only(reading).points == {"ear": (4, 4)}
    assert len(reading.problems) == 3


def test_a_crowd_of_shapes_is_refused_before_they_are_compared() -> None:
    shapes = [lone("rim", 1, 1)] * (MOST_SHAPES + 1)
    files = {"a.xml": cvat(*shapes), "b.xml": cvat(skeleton("fish", FIRST)), "a.png": picture()}
    reading = read_zip(files)
    assert [one.points for one in reading.marked] == [FIRST]
    assert any(f"more than {MOST_SHAPES}" in problem for problem in reading.problems)
