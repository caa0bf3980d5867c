"""Annotation files and images as they come: incomplete, broken, half downloaded."""

from __future__ import annotations

import contextlib
import json
import logging
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from cape_ros.core.errors import InvalidInput, SourceError
from cape_ros.core.images import read_image
from cape_ros.lab.datasets.mp100 import LISTED, read


def write(folder: Path, count: int = 3, **changes: Any) -> Path:
    """`count` images of noise with one object of three keypoints each, all of one category."""
    noise = np.random.default_rng(0).integers(0, 255, (40, 50, 3)).astype(np.uint8)
    for n in range(count):
        cv2.imwrite(str(folder / f"{n}.jpg"), noise)
    content = {
        "images": [
            {"id": n, "file_name": f"{n}.jpg", "width": 50, "height": 40} for n in range(count)
        ],
        "annotations": [annotation(n) for n in range(count)],
        "categories": [{"id": 7, "name": "thing"}],
    }
    path = folder / "annotations.json"
    path.write_text(json.dumps(content | changes))
    return path


def annotation(number: Any, **changes: Any) -> dict[str, Any]:
    row = {
        "id": number,
        "image_id": number,
        "category_id": 7,
        "bbox": [5, 5, 21, 31],
        "keypoints": [10, 10, 1, 20, 30, 2, 0, 0, 0],
    } | changes
    return {key: value for key, value in row.items() if value is not None}


def test_a_byte_order_mark(tmp_path: Path) -> None:
    path = write(tmp_path)
    path.write_text("\ufeff" + path.read_text("utf-8"), "utf-8")
    assert len(read(path, tmp_path).instances) == 3


def test_a_file_that_is_nested_too_deeply(tmp_path: Path) -> None:
    path = tmp_path / "deep.json"
    path.write_text("[" * 100_000)
    with pytest.raises(InvalidInput, match="not a COCO-like file"):
        read(path, tmp_path)


def test_missing_images_are_listed_and_counted(tmp_path: Path) -> None:
    path = write(tmp_path, count=LISTED + 5)
    for n in range(1, LISTED + 4):
        (tmp_path / f"{n}.jpg").unlink()
    with pytest.raises(InvalidInput, match=f"{LISTED + 3} images do not exist: 1.jpg, ") as error:
        read(path, tmp_path)
    assert str(error.value).count(".jpg") == LISTED
    assert str(error.value).endswith("and 3 more")


def test_missing_images_can_be_allowed_and_are_counted_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path)
    (tmp_path / "1.jpg").unlink()
    with caplog.at_level(logging.WARNING):
        dataset = read(path, tmp_path, allow_missing=True)
    assert [one.image.name for one in dataset.instances] == ["0.jpg", "2.jpg"]
    assert "objects left out: 1, because 1.jpg does not exist" in caplog.text
    caplog.clear()
    (tmp_path / "1.jpg").touch()
    assert len(read(path, tmp_path, allow_missing=True).instances) == 3
    assert not caplog.text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": [{"id": 0, "width": 5}]}, r"images\[0\]: has no file_name, height"),
        ({"categories": [{"name": "thing"}]}, r"categories\[0\]: has no id"),
        ({"annotations": [{"id": 3, "bbox": [1, 1, 9, 9]}]}, r"has no image_id, category_id"),
        ({"annotations": [annotation(0, image_id=99)]}, r"id=0\]\.image_id: 99 is not"),
        ({"annotations": [annotation(0, category_id=8)]}, r"id=0\]\.category_id: 8 is not"),
        ({"annotations": [annotation(0, keypoints=[1, 2])]}, r"id=0\]\.keypoints: must be"),
        ({"annotations": [annotation(0, keypoints=["x", 1, 1])]}, r"id=0\]\.keypoints"),
        ({"annotations": [annotation(0, keypoints=[float("nan"), 1, 1])]}, r"must be finite"),
        (
            {"annotations": [annotation(0, keypoints=5)]},
            r"annotations\[0\]\.keypoints: 5 is no list",
        ),
        ({"annotations": [annotation(0, area="big")]}, r"\.area: 'big' is no finite number"),
        (
            {"annotations": [annotation(0, bbox=[5, 5, 21])]},
            r"id=0\]\.bbox: \[5, 5, 21\] is not four finite numbers",
        ),
        ({"annotations": [annotation(0, bbox=[5, 5, float("nan"), 9])]}, "is not four finite"),
        (
            {"annotations": [annotation(0), annotation(1, keypoints=[9, 9, 2])]},
            r"id=7\]: thing: numbers of keypoints differ between objects: 3 in 1, 1 in 1",
        ),
        ({"annotations": [annotation(0, keypoints=[10, 10, 0])]}, "thing: no object shows a keypo"),
        ({"annotations": [annotation(0, keypoints=[90, 10, 2])]}, "thing: no object shows a keypo"),
        ({"categories": [{"id": "7", "name": "thing"}]}, r"\.id: '7' is no whole number"),
        ({"annotations": [annotation([0])]}, r"annotations\[0\]\.id: \[0\] is no number or text"),
        ({"images": [{"id": 0, "file_name": "0.jpg", "width": "w", "height": 5}]}, "width: 'w' is"),
        ({"annotations": ["row"]}, "not a COCO-like file"),
        ({"categories": None}, "not a COCO-like file"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        read(write(tmp_path, **changes), tmp_path)


@pytest.mark.parametrize("section", ["images", "categories", "annotations"])
def test_whatever_a_value_is_the_reader_says_so_or_takes_it(tmp_path: Path, section: str) -> None:
    whole = write(tmp_path, 1, annotations=[annotation(0, area=5, iscrowd=0, num_keypoints=2)])
    content = json.loads(whole.read_text())
    (row,) = content[section]
    odd = (None, "x", "", -1, 2.5, 2**70, float("nan"), float("inf"), True, [], [[1]], ["x"], {})
    for key in row:
        for value in odd:
            whole.write_text(json.dumps(content | {section: [row | {key: value}]}))
            with contextlib.suppress(InvalidInput):
                for one in read(whole, tmp_path).instances:
                    assert np.isfinite(one.box).all()


def test_a_file_full_of_faults_names_some_and_counts_the_others(tmp_path: Path) -> None:
    rows = [annotation(0, id=n, image_id=99) for n in range(200)]
    with pytest.raises(InvalidInput, match=f"and: {200 - LISTED} more faults") as error:
        read(write(tmp_path, annotations=rows), tmp_path)
    assert len(error.value.faults) == LISTED + 1


def test_objects_that_cannot_count_are_left_out_as_the_release_does(tmp_path: Path) -> None:
    rows = [
        annotation(0, bbox=None),
        annotation(0, keypoints=None),
        annotation(0, keypoints=[]),
        annotation(0, keypoints=[0] * 9),
        annotation(0, num_keypoints=0),
        annotation(0, area=0),
        annotation(0, iscrowd=1),
        annotation(0, bbox=[60, 5, 10, 10]),
        annotation(1),
    ]
    dataset = read(write(tmp_path, annotations=rows), tmp_path)
    assert [one.image.name for one in dataset.instances] == ["1.jpg"]


def test_a_flagged_keypoint_off_the_image_is_visible_as_in_the_release(tmp_path: Path) -> None:
    rows = [annotation(0, keypoints=[-8, 10, 2, 20, 90, 1, 20, 20, 0]), annotation(1)]
    one, _ = read(write(tmp_path, annotations=rows), tmp_path).instances
    assert one.visible.tolist() == [True, True, False]
    assert one.keypoints[0].tolist() == [-8, 10]


def test_a_broken_image_is_named(tmp_path: Path) -> None:
    write(tmp_path)
    path = tmp_path / "0.jpg"
    whole = path.read_bytes()
    assert read_image(path).shape == (40, 50, 3)
    for part in (0, 20, len(whole) // 2, len(whole) - 2):  # OpenCV shows the latter, in part grey
        path.write_bytes(whole[:part])
        with pytest.raises(SourceError, match=r"0\.jpg"):
            read_image(path)
    path.unlink()
    with pytest.raises(SourceError, match=r"0\.jpg: no such file"):
        read_image(path)
