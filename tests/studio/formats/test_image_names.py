"""An annotation gets its own image, or none; never that of another."""

from __future__ import annotations

import io
import json
import unicodedata
import zipfile
from typing import Any

import numpy as np
import pytest
from files import coco, cvat, labelme, only, picture, point, read_zip, skeleton
from hypothesis import given
from hypothesis import strategies as st

from cape_ros.perception.category import Category, SupportShot
from cape_ros.studio.formats import folder
from cape_ros.studio.formats.archive import read
from cape_ros.studio.formats.image_names import resolve
from cape_ros.studio.formats.reading import ImportedAnnotation

POINTS = [10, 10, 2, 20, 20, 2]


def meant(name: str, *paths: str, folder: str = "") -> str | None:
    """The path that a name resolves to; None if none does."""
    problems: list[str] = []
    resolved = resolve([ImportedAnnotation("mug", name, {}, folder=folder)], paths, problems)
    return resolved[0].image if resolved and resolved[0].image in paths else None


@pytest.mark.parametrize(
    ("name", "folder", "paths", "expected"),
    [
        ("a.png", "", ["a.png"], "a.png"),
        ("a.png", "train", ["a.png", "train/a.png"], "train/a.png"),
        (
            "a.png",
            "train/labels",
            ["train/images/a.png", "test/images/a.png"],
            "train/images/a.png",
        ),
        ("../images/a.png", "labels", ["images/a.png", "labels/a.png"], "images/a.png"),
        ("cam0/1.png", "", ["data/cam0/1.png", "data/cam1/1.png"], "data/cam0/1.png"),
        ("C:\\photos\\a.png", "", ["a.png"], "a.png"),
        ("/home/ada/photos/a.png", "", ["photos/a.png", "a.png"], "photos/a.png"),
        ("A.PNG", "", ["a.png"], "a.png"),
        ("A.png", "", ["images/A.png", "a.png"], "images/A.png"),
        ("frame_0", "", ["images/frame_0.PNG"], "images/frame_0.PNG"),
        ("frame.0001", "", ["frame.0001.jpg", "frame.0002.jpg"], "frame.0001.jpg"),
        (unicodedata.normalize("NFD", "tässchen.png"), "", ["tässchen.png"], "tässchen.png"),
        ("..\\..\\media\\upload\\4\\cb06-a.png", "", ["images/cb06-a.png"], "images/cb06-a.png"),
        ("/data/local-files/?d=images%5Ca.png", "", ["images/a.png"], "images/a.png"),
        ("/data/local-files/?d=a.png", "", ["a.png"], "a.png"),
        ("http://h/up/my%20mug.png?sign=1", "", ["my mug.png"], "my mug.png"),
        ("my%20mug.png", "", ["my mug.png", "my%20mug.png"], "my%20mug.png"),
        ("/data/upload/4/cb0618f6-a.png", "", ["a.png"], "a.png"),
        ("images\\cb0618f6-a.png", "", ["photos/a.PNG"], "photos/a.PNG"),
        ("cb0618f6-a.png", "", ["a.png", "cb0618f6-a.png"], "cb0618f6-a.png"),
        ("cb0618-a.png", "", ["a.png"], None),
        ("a#1.png", "", ["a.png"], None),
        ("a?1.png", "", ["a.png"], None),
        ("a.jpg", "", ["a.png"], None),  # may be another picture
        ("a.png", "", ["x/a.png", "y/a.png"], None),
        ("", "", ["a.png"], None),
    ],
)
def test_the_file_that_a_name_means(
    name: str, folder: str, paths: list[str], expected: str | None
) -> None:
    assert meant(name, *paths, folder=folder) == expected


PARTS = st.sampled_from(["a", "A", "b", "ä", "cam0"])
PATHS = st.lists(PARTS, min_size=1, max_size=3).map(lambda parts: "/".join(parts) + ".png")


@given(paths=st.lists(PATHS, unique=True, min_size=1), data=st.data())
def test_a_whole_path_is_never_mistaken(paths: list[str], data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(paths))
    assert meant(path, *paths) == path


@given(names=st.lists(PATHS, unique=True), paths=st.lists(PATHS, unique=True))
def test_no_file_serves_two_names(names: list[str], paths: list[str]) -> None:
    marked = [ImportedAnnotation(name, name, {}) for name in names]
    problems: list[str] = []
    resolved = resolve(marked, paths, problems)
    used = [one.image for one in resolved if one.image in paths]
    assert len(used) == len(set(used))
    assert len(resolved) + len(problems) == len(names)  # whatever is left out is told


def test_cameras_whose_images_have_the_same_names() -> None:
    first, second = picture(1), picture(2)
    annotations = coco({1: "cam0/1.png", 2: "cam1/1.png"}, [(1, POINTS), (2, POINTS)])
    reading = read_zip({"a.json": annotations, "cam0/1.png": first, "cam1/1.png": second})
    assert [reading.images[one.image] for one in reading.marked] == [first, second]
    assert reading.problems == []


def test_an_image_that_is_absent_is_not_replaced_by_its_namesake() -> None:
    annotations = coco({1: "cam0/1.png", 2: "cam1/1.png"}, [(1, POINTS), (2, POINTS)])
    reading = read_zip({"a.json": annotations, "cam0/1.png": picture()})
    assert only(reading).image == "cam0/1.png"
    assert "cam1/1.png: is not here" in reading.problems[0]


def test_two_files_of_one_name_that_label_studio_took_up() -> None:
    marked = [ImportedAnnotation("mug", f"{number:08x}-a.png", {}) for number in range(2)]
    problems: list[str] = []
    assert resolve(marked, ["a.png"], problems) == []
    assert len(problems) == 2


def test_splits_with_files_of_one_name() -> None:
    files: dict[str, Any] = {}
    for seed, split in enumerate(("train", "valid", "test")):
        files[f"{split}/_annotations.coco.json"] = coco({0: "a.png"}, [(0, [seed, *POINTS[1:]])])
        files[f"{split}/a.png"] = picture(seed)
    reading = read_zip(files)
    seen = {one.points["rim"][0]: reading.images[one.image] for one in reading.marked}
    assert seen == {seed: picture(seed) for seed in range(3)}


def test_a_zip_file_from_a_mac() -> None:
    name = unicodedata.normalize("NFD", "tässchen.png")
    annotations = labelme("tässchen.png", point("rim", 10, 10))
    hidden = {"__MACOSX/._a.json": b"\0\5\26\7", "._a.json": b"\0\5\26\7"}
    reading = read_zip({"a.json": annotations, name: picture(), **hidden})
    assert reading.problems == []
    assert only(reading).image in reading.images


def test_a_zip_file_that_does_not_say_that_its_names_are_utf_8() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as made:
        made.writestr("tasschen.png", picture())
        made.writestr("a.xml", cvat(skeleton("cup", {"rim": (4, 5)}), image="täschen.png"))
    # As Info-ZIP writes it: the octets of UTF-8 without the flag.
    data = packed.getvalue().replace(b"tasschen.png", "täschen.png".encode())
    reading = read(data)
    assert only(reading).image == "täschen.png"
    assert reading.problems == []


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("杯子.png", "gb18030"),
        ("カップ表.png", "cp932"),
        ("컵.png", "cp949"),
        ("кружка.png", "cp866"),
        ("größe ø.png", "cp850"),
        ("größe ø.png", "cp1252"),
    ],
)
def test_a_zip_file_with_names_in_an_old_encoding(name: str, encoding: str) -> None:
    octets = name.encode(encoding)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as made:
        made.writestr("x" * len(octets), picture())
        made.writestr("a.json", json.dumps(coco({1: name}, [(1, POINTS)])))
    reading = read(packed.getvalue().replace(b"x" * len(octets), octets))
    assert only(reading).image in reading.images
    assert reading.problems == []


def test_an_image_in_a_format_that_is_not_read_is_there() -> None:
    reading = read_zip(
        {"a.json": labelme("a.webp", point("rim", 1, 1)), "a.webp": picture(0, "WEBP")}
    )
    assert only(reading).image in reading.images


def test_two_category_folders_in_one_zip_file() -> None:
    files = {}
    for seed, name in enumerate(("cup", "mug")):
        pixels = np_picture(seed)
        category = Category(name, ["rim"], [], [SupportShot(pixels, [(4, 5 + seed)])])
        files |= {f"{name}/{path}": data for path, data in folder.write(category).items()}
    reading = read_zip(files)
    assert {one.category: one.points["rim"] for one in reading.marked} == {
        "cup": (4, 5),
        "mug": (4, 6),
    }
    assert len({reading.images[one.image] for one in reading.marked}) == 2


def np_picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (24, 32, 3), dtype=np.uint8)
