"""labelme files as programs write them that are not labelme."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from files import labelme, only, picture, point, read_zip, rectangle

from cape_ros.core.errors import InvalidInput
from cape_ros.studio.formats.reading import ImportedAnnotation


def one_object(*shapes: dict[str, Any]) -> ImportedAnnotation:
    return only(read_zip({"a.json": labelme("a.png", *shapes), "a.png": picture()}))


def test_numbers_as_labels() -> None:
    marked = one_object(point("", 5, 6) | {"label": 1}, point("2", 7, 8))
    assert marked.points == {"1": (5, 6), "2": (7, 8)}


def test_a_blank_beside_a_label_does_not_make_it_another_one() -> None:
    marked = one_object(point("rim ", 5, 6), point(" ear", 7, 8), rectangle("mug ", 1, 1, 20, 20))
    assert (marked.category, list(marked.points)) == ("mug", ["rim", "ear"])


def test_no_group_as_an_empty_text() -> None:
    shapes = [point("rim", 5, 6), point("ear", 7, 8), rectangle("mug", 1, 1, 20, 20)]
    marked = one_object(*(shape | {"group_id": ""} for shape in shapes))
    assert (marked.category, len(marked.points), marked.box) == ("mug", 2, (1, 1, 19, 19))


def test_groups_with_names() -> None:
    shapes = [point("rim", 5, 6), point("rim", 7, 8)]
    named = [shape | {"group_id": group} for shape, group in zip(shapes, "ab", strict=True)]
    reading = read_zip({"a.json": labelme("a.png", *named), "a.png": picture()})
    assert [one.points["rim"] for one in reading.marked] == [(5, 6), (7, 8)]


def test_a_point_with_a_third_number() -> None:
    assert one_object(point("rim", 5, 6) | {"points": [[5.5, 6.5, 2]]}).points == {"rim": (5, 6)}


def test_an_image_as_an_address() -> None:
    image = "data:image/png;base64," + base64.b64encode(picture()).decode()
    reading = read_zip({"a.json": labelme("a.png", point("rim", 5, 6), imageData=image)})
    assert reading.images[only(reading).image] == picture()
    assert reading.problems == []


def test_a_file_in_the_encoding_of_another_machine() -> None:
    text = '{"shapes": [], "imagePath": "\u676f.png"}'.encode("gb18030")
    with pytest.raises(InvalidInput, match="JSON, but not in UTF-8"):
        read_zip({"a.json": text})


def test_a_group_is_the_same_as_number_and_as_text() -> None:
    shapes = [point("rim", 5, 6), point("ear", 7, 8), rectangle("mug", 1, 1, 20, 20)]
    marked = one_object(
        *(shape | {"group_id": group} for shape, group in zip(shapes, (1, "1", 1.0), strict=True))
    )
    assert (marked.category, marked.points) == ("mug", {"rim": (5, 6), "ear": (7, 8)})
