"""COCO files as other programs write them: what is odd is told, the rest counts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from files import coco, only, picture, read_zip

from cape_ros.studio.formats.reading import ImportResult

NAMES = ("leg", "head", "tail")
POINTS = [10, 20, 2, 20, 30, 2, 40, 10, 1]


def one_image(content: dict[str, Any]) -> ImportResult:
    return read_zip({"a.json": content, "a.png": picture()})


def edges(skeleton: list[list[int]], names: tuple[str, ...] = NAMES) -> ImportResult:
    return one_image(coco({1: "a.png"}, [(1, POINTS)], names, skeleton=skeleton))


def test_a_skeleton_that_counts_from_zero() -> None:
    reading = edges([[0, 1], [1, 2]])
    assert list(reading.skeleton("mug").edges) == [(0, 1), (1, 2)]
    assert reading.problems == []


def test_a_skeleton_that_counts_from_one() -> None:
    assert list(edges([[1, 2], [2, 3]]).skeleton("mug").edges) == [(0, 1), (1, 2)]


def test_an_edge_to_no_keypoint_is_told() -> None:
    reading = edges([[1, 2], [2, 9]])
    assert list(reading.skeleton("mug").edges) == [(0, 1)]
    assert "edge 2, 9" in reading.problems[0]


def test_keypoints_of_one_name_are_all_kept() -> None:
    reading = edges([[1, 2], [2, 3]], ("leg", "head", "leg"))
    assert only(reading).points == {"leg": (10, 20), "head": (20, 30), "leg_2": (40, 10)}
    assert list(reading.skeleton("mug").edges) == [(0, 1), (1, 2)]
    assert "leg_2" in reading.problems[0]


def test_odd_entries_do_not_take_the_others_with_them() -> None:
    content = coco(
        {1: "a.png"}, [(1, POINTS), (1, [float("nan"), float("nan"), 0, 4, 3, 2, 0, 0, 0])], NAMES
    )
    content["annotations"] += [
        {"image_id": 1, "caption": "a mug"},
        {"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]},
        {"image_id": 9, "category_id": 1, "keypoints": POINTS},
        {"image_id": 1, "category_id": 1, "keypoints": [float("nan"), 1, 2, *POINTS[3:]]},
        {"image_id": 1, "category_id": 1, "keypoints": POINTS, "bbox": [1, 1, 0, float("nan")]},
        7,
    ]
    content["images"].append({"id": 2})
    reading = one_image(content)
    whole = {"leg": (10, 20), "head": (20, 30), "tail": (40, 10)}
    assert [one.points for one in reading.marked] == [
        whole,
        {"head": (4, 3)},
        {"head": (20, 30), "tail": (40, 10)},
        whole,
    ]
    said = "\n".join(reading.problems)
    for place in (
        "annotations[2]",
        "1 annotation has no",
        "annotations[4]",
        "[5]",
        "[6].bbox",
        "[7]",
        "images[1]",
    ):
        assert place in said


def test_an_id_that_two_images_have_stands_for_neither() -> None:
    content = coco({1: "a.png"}, [(1, POINTS), (2, POINTS)], NAMES)
    content["images"] += [{"id": 2, "file_name": "a.png"}, {"id": 1, "file_name": "b.png"}]
    reading = one_image(content)
    assert only(reading).size is None  # of image 2
    assert any("is another's too" in problem for problem in reading.problems)


def test_what_splits_say_of_a_category_is_brought_together() -> None:
    first = coco({1: "a.png"}, [(1, POINTS)], NAMES, skeleton=[[1, 2]])
    second = coco({1: "b.png"}, [(1, POINTS)], ("tail", "leg", "ear"), skeleton=[[1, 2]])
    reading = read_zip(
        {"1.json": first, "2.json": second, "a.png": picture(1), "b.png": picture(2)}
    )
    assert list(reading.skeleton("mug").keypoint_names) == [*NAMES, "ear"]
    assert list(reading.skeleton("mug").edges) == [(0, 1), (2, 0)]


def test_byte_order_marks() -> None:
    text = json.dumps(coco({1: "a.png"}, [(1, POINTS)], NAMES))
    for encoding in ("utf-8-sig", "utf-16", "utf-16-le"):
        reading = read_zip({"a.json": text.encode(encoding), "a.png": picture()})
        assert only(reading).category == "mug"


@pytest.mark.parametrize("named", [{}, {"keypoints": []}, {"keypoints": None}])
def test_keypoints_without_names_are_counted(named: dict[str, Any]) -> None:
    content = coco({1: "a.png"}, [(1, [0, 0, 0, *POINTS[3:]])])
    del content["categories"][0]["keypoints"]
    content["categories"][0] |= named
    reading = one_image(content)
    assert only(reading).points == {"2": (20, 30), "3": (40, 10)}
    assert list(reading.skeleton("mug").keypoint_names) == ["1", "2", "3"]


def test_a_keypoint_may_be_a_list_of_its_own() -> None:
    nested = [POINTS[at : at + 3] for at in (0, 3, 6)]
    assert only(one_image(coco({1: "a.png"}, [(1, nested)], NAMES))).points["tail"] == (40, 10)


@pytest.mark.parametrize("image", [7, "7", 7.0])
@pytest.mark.parametrize("kind", [1, "1", 1.0])
def test_an_id_is_the_same_as_number_and_as_text(image: object, kind: object) -> None:
    content = coco({7: "a.png"}, [(7, POINTS)], NAMES)
    content["annotations"][0] |= {"image_id": image, "category_id": kind}
    assert only(one_image(content)).image == "a.png"


@pytest.mark.parametrize(
    ("skeleton", "expected", "told"),
    [
        ([["leg", "head"], ["head", "tail"]], [(0, 1), (1, 2)], None),
        ([["1", "2"], [2.0, 3.0]], [(0, 1), (1, 2)], None),
        ([1, 2], [], "edge 1 names no keypoint"),
        ([[1, 2], [1, 2, 3], [None, 2], {"a": 1}], [(0, 1)], "edge 1, 2, 3 names no keypoint"),
        ("1-2", [], None),
    ],
)
def test_an_odd_skeleton_costs_no_keypoints(
    skeleton: Any, expected: list[tuple[int, int]], told: str | None
) -> None:
    reading = edges(skeleton)
    assert only(reading).points["leg"] == (10, 20)
    assert list(reading.skeleton("mug").edges) == expected
    assert told is None or told in "\n".join(reading.problems)


def test_a_blank_beside_a_name_of_a_category() -> None:
    first, second = (coco({1: f"{name}.png"}, [(1, POINTS)], NAMES) for name in "ab")
    first["categories"][0]["name"] = " mug "
    files = {"a.json": first, "b.json": second, "a.png": picture(0), "b.png": picture(1)}
    assert [one.category for one in read_zip(files).marked] == ["mug", "mug"]


def test_the_only_category_without_its_list() -> None:
    content = coco({1: "a.png"}, [(1, POINTS)], NAMES)
    content["categories"] = content["categories"][0]
    assert only(one_image(content)).category == "mug"


@pytest.mark.parametrize("width", ["64", 64.0, None, "wide", float("nan"), [64]])
def test_an_odd_size_costs_no_image(width: object) -> None:
    content = coco({1: "a.png"}, [(1, POINTS)], NAMES)
    content["images"][0]["width"] = width
    assert only(one_image(content)).size in ((64, 48), None)


def test_an_object_without_a_marked_keypoint_is_told() -> None:
    content = coco({1: "a.png"}, [(1, POINTS), (1, [0] * 9)], NAMES)
    assert one_image(content).problems == ["a.json: 1 annotation has no keypoints"]


def test_names_of_categories_are_made_plain() -> None:
    content = coco({1: "a.png"}, [(1, POINTS)], NAMES, skeleton=[[1, 2]])
    content["categories"][0]["name"] = "wine glass"
    content["categories"].append(content["categories"][0] | {"id": 2, "name": "wine_glass"})
    content["annotations"].append(content["annotations"][0] | {"category_id": 2})
    reading = one_image(content)
    assert [one.category for one in reading.marked] == ["wine_glass_2", "wine_glass"]
    assert list(reading.skeleton("wine_glass_2").edges) == [(0, 1)]


@pytest.mark.parametrize("box", [[8, 8, 36, 26], None])
def test_a_point_at_0_0_away_from_its_object_is_not_marked(box: list[float] | None) -> None:
    content = coco({1: "a.png"}, [(1, [0, 0, 2, *POINTS[3:]])], NAMES)
    content["annotations"][0]["bbox"] = box
    reading = one_image(content)
    assert only(reading).points == {"head": (20, 30), "tail": (40, 10)}
    (problem,) = reading.problems
    assert "annotations[0]: 'leg' is marked at (0, 0)" in problem


@pytest.mark.parametrize(
    ("keypoints", "box"),
    [
        ([0, 0, 2, *POINTS[3:]], [0, 0, 50, 40]),
        ([0, 0, 2, *POINTS[3:]], [2, 1, 50, 40]),
        ([0, 0, 2, 63, 0, 2, 0, 47, 2], None),  # a book that fills the image
        ([0, 0, 2, 0, 0, 0, 40, 10, 2], None),
        ([1, 0, 2, *POINTS[3:]], [8, 8, 36, 26]),
    ],
)
def test_a_point_in_the_corner_of_the_image(keypoints: list[int], box: list[float] | None) -> None:
    content = coco({1: "a.png"}, [(1, keypoints)], NAMES)
    content["annotations"][0]["bbox"] = box
    reading = one_image(content)
    assert only(reading).points["leg"] == tuple(keypoints[:2])
    assert reading.problems == []
