from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cape_ros.core.errors import InvalidInput
from cape_ros.perception.category import Category, SupportShot, name_like
from cape_ros.perception.geometry import clean_box

IMAGE = np.full((60, 90, 3), 40, np.uint8)  # 90 wide, 60 high
POINTS = [[10.0, 12.0], [50.0, 30.0], [70.0, 55.0]]
NAMES = ("tip", "middle", "end")
NAN, INF = float("nan"), float("inf")


def shot(**changes: Any) -> SupportShot:
    return SupportShot(**{"image": IMAGE, "keypoints": POINTS, **changes})


def category(**changes: Any) -> Category:
    return Category(**{"name": "arm", "keypoint_names": NAMES, "shots": [shot()], **changes})


def fault_fields(**changes: Any) -> list[str]:
    with pytest.raises(InvalidInput) as raised:
        category(**changes)
    return [fault.field for fault in raised.value.faults]


def test_a_category_keeps_what_it_was_given() -> None:
    made = category(keypoint_names=list(NAMES), edges=[[0, 1], np.array([1, 2], np.uint16)])
    assert made.keypoint_names == NAMES
    assert made.edges == ((0, 1), (1, 2))
    (kept,) = made.shots
    assert kept.keypoints.dtype == np.float32
    assert kept.keypoints.tolist() == POINTS
    assert kept.visible.tolist() == [True, True, True]
    assert (kept.image == IMAGE).all()


def test_a_shot_does_not_change_with_the_callers_arrays() -> None:
    image, points = IMAGE.copy(), np.array(POINTS)
    kept = shot(image=image, keypoints=points)
    image[:], points[:] = 0, 0
    assert (kept.image == 40).all()
    assert kept.keypoints.tolist() == POINTS
    for array in (kept.image, kept.keypoints, kept.visible):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


@pytest.mark.parametrize("coordinate", [NAN, -40.0, 1e9])
def test_an_invisible_keypoint_may_lie_anywhere(coordinate: float) -> None:
    points = [*POINTS[:2], [coordinate, coordinate]]
    made = category(shots=[shot(keypoints=points, visible=[True, True, False])])
    assert made.shots[0].keypoints[2].tolist() == [0, 0]
    assert made.shots[0].visible.tolist() == [True, True, False]


def test_coco_flags_say_what_is_visible() -> None:
    assert shot(visible=[2, 1, 0]).visible.tolist() == [True, True, False]


def test_without_a_box_the_visible_keypoints_make_one() -> None:
    x, y, w, h = shot(visible=[True, True, False]).box
    assert 0 <= x <= 10
    assert 0 <= y <= 12
    assert 50 <= x + w <= 90
    assert 30 <= y + h < 55
    assert shot(box=(3, 4, 50, 40)).box == (3.0, 4.0, 50.0, 40.0)


@given(st.floats(-0.5, 89.5), st.floats(-0.5, 59.5))
@settings(deadline=None)
def test_one_keypoint_anywhere_in_the_image_is_enough(x: float, y: float) -> None:
    made = category(keypoint_names=["tip"], shots=[shot(keypoints=[[x, y]])])
    left, top, width, height = made.shots[0].box
    assert left >= 0
    assert top >= 0
    assert left + width <= 90
    assert top + height <= 60


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"image": IMAGE[:0]}, "image"),
        ({"image": IMAGE[..., 0]}, "image"),
        ({"image": IMAGE[..., :2]}, "image"),
        ({"image": IMAGE.astype(np.float32)}, "image"),
        ({"image": None}, "image"),
        ({"image": np.zeros((60, 32767, 3), np.uint8)}, "image"),
        ({"keypoints": [[10**400, 3], *POINTS[1:]]}, "keypoints"),
        ({"keypoints": [POINTS[0], [NAN, 3], POINTS[2]]}, "keypoints[1]"),
        ({"keypoints": [POINTS[0], [3, INF], POINTS[2]]}, "keypoints[1]"),
        ({"keypoints": [[INF, 3], *POINTS[1:]], "visible": [0, 1, 1]}, "keypoints[0]"),
        ({"keypoints": [*POINTS[:2], [89.6, 3]]}, "keypoints[2]"),
        ({"keypoints": [*POINTS[:2], [3, -0.6]]}, "keypoints[2]"),
        ({"keypoints": []}, "keypoints"),
        ({"keypoints": [[1, 2, 2]] * 3}, "keypoints"),
        ({"keypoints": [[1, 2], [3]]}, "keypoints"),
        ({"keypoints": POINTS[:2]}, "keypoints"),
        ({"visible": [False] * 3}, "visible"),
        ({"visible": [True]}, "visible"),
        ({"box": (5, 5, 0, 10)}, "box"),
        ({"box": (95, 5, 10, 10)}, "box"),
        ({"box": (5, 5, 10)}, "box"),
        ({"box": (NAN, 5, 10, 10)}, "box"),
        ({"box": (5, 5, INF, 10)}, "box"),
        ({"box": (5, 5, 10**400, 10)}, "box"),
        ({"box": (-1e308, 5, 1e308, 10)}, "box"),
        ({"box": (75, 2, 10, 10)}, "box"),
    ],
)
def test_a_faulty_shot_is_named(changes: dict[str, Any], field: str) -> None:
    assert fault_fields(shots=[shot(), shot(**changes)]) == [f"shots[1].{field}"]


@pytest.mark.parametrize("name", ["", ".", "..", ".arm", "a/b", "a\\b", "a b", "a\n", "x" * 65, 7])
def test_a_name_that_could_be_a_path_is_refused(name: Any) -> None:
    assert fault_fields(name=name) == ["name"]


@pytest.mark.parametrize("name", ["a", "Arm_2", "glue-tube.v1", "x" * 64])
def test_a_plain_name_is_taken(name: str) -> None:
    assert category(name=name).name == name


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"keypoint_names": ["tip", "tip", " "]}, ["keypoint_names[1]", "keypoint_names[2]"]),
        ({"keypoint_names": ["tip", "a\nb", "c"]}, ["keypoint_names[1]"]),
        ({"keypoint_names": [], "shots": []}, ["keypoint_names"]),
        ({"keypoint_names": [f"p{i}" for i in range(101)], "shots": []}, ["keypoint_names"]),
        ({"edges": [(0, 3), (1, 1), (-1, 0), 5]}, [f"edges[{i}]" for i in range(4)]),
        ({"edges": [(0, 1.5), (0, INF), (0, "1")]}, [f"edges[{i}]" for i in range(3)]),
    ],
)
def test_a_faulty_layout_is_named(changes: dict[str, Any], fields: list[str]) -> None:
    assert fault_fields(**changes) == fields


def test_every_fault_is_named_at_once() -> None:
    bad = shot(image=IMAGE[:0], keypoints=[[NAN, 1], *POINTS[1:]], box=(1, 1, 0, 0))
    fields = fault_fields(name="../arm", edges=[(0, 9)], shots=[bad, shot(keypoints=POINTS[:1])])
    assert fields == [
        "name",
        "edges[0]",
        "shots[0].image",
        "shots[0].keypoints[0]",
        "shots[0].box",
        "shots[1].keypoints",
    ]


def test_a_category_can_be_changed_into_another() -> None:
    made = category(edges=[(0, 1)])
    grown = dataclasses.replace(made, shots=[*made.shots, shot()], version=4)
    assert grown.version == 4
    assert grown.edges == made.edges
    assert len(grown.shots) == 2
    assert len({made, grown}) == 2


NUMBER = st.one_of(st.floats(), st.integers(), st.sampled_from([0, 1, 10, 59.5, 90]))


@given(
    st.tuples(st.integers(0, 40), st.integers(0, 40), st.sampled_from([1, 3])),
    st.lists(st.tuples(NUMBER, NUMBER), max_size=4),
    st.one_of(st.none(), st.lists(st.one_of(NUMBER, st.booleans()), max_size=4)),
    st.one_of(st.none(), st.lists(NUMBER, max_size=5)),
)
@settings(deadline=None)
def test_any_shot_is_usable_or_says_why_not(
    shape: tuple[int, int, int], points: list, visible: list | None, box: list | None
) -> None:
    taken = SupportShot(np.zeros(shape, np.uint8), points, visible, box)
    if taken.faults:
        assert all(fault.field and fault.reason for fault in taken.faults)
        return
    assert taken.visible.any()
    assert np.isfinite(taken.keypoints).all()
    clean_box(taken.box, shape[1], shape[0])


@given(st.text())
def test_any_text_becomes_a_name(text: str) -> None:
    assert category(name=name_like(text)).name == name_like(text)
    assert name_like("robot.v-2") == "robot.v-2"


@pytest.mark.parametrize("half", [0.0, 0.5])  # of those who count from the corner of the image
def test_parts_of_the_images_size_are_no_pixels(half: float) -> None:
    parts = np.array([(0.2, 0.3), (0.95, 0.9), (300, 300)]) - half
    (fault,) = SupportShot(IMAGE, parts, [True, True, False]).faults
    assert str(fault) == (
        "keypoints: all that are visible lie in the first pixel; give pixels, "
        "not parts of the image's size"
    )
    assert not SupportShot(IMAGE, parts, [True, False, False]).faults


def test_symmetries_are_permutations_and_the_identity_is_left_out() -> None:
    assert category(symmetries=[[1, 0, 2], [0, 1, 2]]).symmetries == ((1, 0, 2),)


@pytest.mark.parametrize(
    ("symmetries", "fields"),
    [
        ([[0, 1]], ["symmetries[0]"]),
        ([[1, 0, 2], [0, 0, 1]], ["symmetries[1]"]),
        ([[0, 1, 3]], ["symmetries[0]"]),
        ([["a", "b", "c"], 5], ["symmetries[0]", "symmetries[1]"]),
        ([[1, 0, 2]] * 17, ["symmetries"]),
    ],
)
def test_impossible_symmetries(symmetries: Any, fields: list[str]) -> None:
    assert fault_fields(symmetries=symmetries) == fields
