"""What is exported in any format comes back as it was."""

from __future__ import annotations

import json
from types import ModuleType

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cape_ros.core.images import decode
from cape_ros.perception.category import NAME, Category, SupportShot
from cape_ros.studio.formats import coco, cvat
from cape_ros.studio.formats.archive import FORMATS, pack, read

KEYPOINT_NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12).filter(
    lambda text: bool(text.strip()) and text.isprintable()
)


@st.composite
def categories(draw: st.DrawFn) -> Category:
    names = draw(st.lists(KEYPOINT_NAMES, min_size=1, max_size=5, unique=True))
    count, indices = len(names), st.integers(0, len(names) - 1)
    edges = draw(st.lists(st.tuples(indices, indices).filter(lambda e: e[0] != e[1]), max_size=4))
    shots = []
    for _ in range(draw(st.integers(1, 3))):
        width, height = draw(st.integers(8, 40)), draw(st.integers(8, 40))
        x, y = st.floats(-0.5, width - 0.5), st.floats(-0.5, height - 0.5)
        points = draw(st.lists(st.tuples(x, y), min_size=count, max_size=count))
        visible = draw(st.lists(st.booleans(), min_size=count, max_size=count).filter(any))
        rng = np.random.default_rng(draw(st.integers(0, 99)))
        image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        box = draw(st.sampled_from([None, (0.0, 0.0, float(width), float(height))]))
        shot = SupportShot(image, points, visible, box, draw(st.booleans()))
        assume(not shot.faults)  # as of keypoints that all lie in the first pixel
        shots.append(shot)
    name = draw(st.from_regex(NAME, fullmatch=True).filter(str.isascii))
    orders = st.permutations(range(count)).filter(lambda order: order != list(range(count)))
    some = draw(st.lists(orders, max_size=2, unique_by=tuple)) if count > 1 else []
    return Category(name, names, edges, shots, draw(st.integers(1, 9)), some)


def test_a_coco_export_has_every_part_of_the_format() -> None:
    """pycocotools raises KeyError where `info` is absent."""
    shot = SupportShot(np.zeros((20, 30, 3), np.uint8), [[1.0, 2.0], [9.0, 9.0]], [True, True])
    content = json.loads(coco.write(Category("mug", ("rim", "foot"), [(0, 1)], [shot]))[coco.FILE])
    assert content.keys() == {"info", "licenses", "images", "annotations", "categories"}
    assert content["info"]["description"] == "mug"


def test_a_cvat_export_has_its_images_where_cvat_has_them() -> None:
    """datumaro, CVAT's own library, refuses the file where they are elsewhere."""
    shot = SupportShot(np.zeros((20, 30, 3), np.uint8), [[1.0, 2.0], [9.0, 9.0]], [True, True])
    files = cvat.write(Category("mug", ("rim", "foot"), [(0, 1)], [shot]))
    assert files.keys() == {"annotations.xml", "images/shot_000.png"}


@pytest.mark.parametrize("format", FORMATS.values(), ids=FORMATS.keys())
@settings(max_examples=40)
@given(category=categories())
def test_export_and_import(format: ModuleType, category: Category) -> None:
    reading = read(pack(format.write(category)))
    assert reading.problems == []
    skeleton = reading.skeleton(category.name)
    assert tuple(skeleton.keypoint_names) == category.keypoint_names
    assert tuple(skeleton.edges) == category.edges
    keeps_all = format is not FORMATS["cvat"]
    assert tuple(skeleton.symmetries) == (category.symmetries if keeps_all else ())
    assert len(reading.marked) == len(category.shots)
    for marked, shot in zip(reading.marked, category.shots, strict=True):
        assert marked.category == category.name
        assert marked.automatic == (shot.automatic and keeps_all)
        pixels = decode(reading.images[marked.image], "image", 10_000).pixels
        assert np.array_equal(pixels, shot.image)
        seen = [n for n, v in zip(category.keypoint_names, shot.visible, strict=True) if v]
        assert set(marked.points) == set(seen)
        points = np.array([marked.points[name] for name in seen])
        assert np.abs(points - shot.keypoints[shot.visible]).max() < 2e-3
        assert np.abs(np.subtract(marked.box, shot.box)).max() < 2e-3
