from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cape_ros.core.errors import InvalidInput
from cape_ros.perception.geometry import (
    Crop,
    box_faults,
    clean_box,
    clip_box,
    crop_image,
    hull_box,
    support_heatmaps,
)

pytestmark = pytest.mark.numeric

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SIZES = st.tuples(st.sampled_from([64, 96, 256]), st.sampled_from([64, 128, 256]))
PLACES = st.floats(-300, 2300, allow_nan=False)
EXTENTS = st.floats(3, 2000)


@pytest.fixture(scope="module")
def protocol(shared: Path) -> tuple[dict[str, Any], dict[str, Any], Any]:
    folder = shared / "golden"
    return (
        json.loads((folder / "protocol_ann.json").read_text()),
        json.loads((folder / "protocol_golden.json").read_text()),
        np.load(folder / "protocol_golden.npz"),
    )


def protocol_image(facts: dict[str, Any]) -> np.ndarray:
    y, x, c = np.mgrid[: facts["height"], : facts["width"], :3]
    value = x * (1 + c) // 2 + y * (2 - c % 2) // 2 + 37 * c + facts["id"]
    return (value % 256).astype(np.uint8)


def test_boxes_are_cleaned_as_the_protocol_does(protocol: Any) -> None:
    annotations, golden, _ = protocol
    boxes = {
        annotation["image_id"]: annotation["bbox"] for annotation in annotations["annotations"]
    }
    images = {image["file_name"].split("/")[-1]: image for image in annotations["images"]}
    for entry in golden["db"]:
        image = images[entry["image"]]
        box = clean_box(boxes[image["id"]], image["width"], image["height"])
        assert box == pytest.approx(entry["clean_bbox"], abs=1e-9)


@pytest.mark.parametrize("number", range(3))
def test_crop_and_heatmaps_equal_the_protocol(protocol: Any, number: int) -> None:
    annotations, golden, arrays = protocol
    sample = golden["samples"][number]
    entry = golden["db"][sample["pair"][1]]
    facts = next(i for i in annotations["images"] if i["file_name"].endswith(entry["image"]))
    joints, visible = arrays[f"joints_orig{number}"], arrays[f"vis{number}"] > 0

    crop = Crop.of_box(tuple(entry["clean_bbox"]))
    assert crop.center == pytest.approx(entry["center"], rel=1e-6)
    assert crop.side == pytest.approx(200 * entry["scale"][0], rel=1e-6)
    assert crop.matrix == pytest.approx(np.array(sample["trans"]), abs=3e-5)

    pixels = crop_image(protocol_image(facts), crop)
    normalised = ((pixels / 255.0 - MEAN) / STD).transpose(2, 0, 1)
    # A release of OpenCV may round a warped pixel to the other side: 1/255 is 0.018 here.
    assert normalised == pytest.approx(arrays[f"crop{number}"].astype(np.float64), abs=0.02)

    points = crop.to_crop(joints)
    assert points[visible] == pytest.approx(arrays[f"joints_crop{number}"][visible], abs=5e-5)
    assert crop.to_image(points / 256)[visible] == pytest.approx(joints[visible], abs=5e-5)

    heatmaps, weights = support_heatmaps(points, visible)
    assert heatmaps == pytest.approx(arrays[f"target{number}"][: len(points)], abs=1e-6)
    assert (weights == arrays[f"weight{number}"][: len(points), 0]).all()


@given(PLACES, PLACES, EXTENTS, EXTENTS, SIZES, st.floats(-180, 180), st.floats(0.85, 1.15))
@settings(deadline=None)
def test_a_point_comes_back_where_it_was(
    x: float, y: float, w: float, h: float, size: tuple[int, int], rotation: float, scale: float
) -> None:
    crop = Crop.of_box((x, y, w, h), size, scale, rotation)
    points = np.array([[x, y], [x + w, y + h / 3], [x + w / 2, y + h / 2]])
    back = crop.to_image(crop.to_crop(points) / (size[1], size[0]))
    assert back == pytest.approx(points, abs=1e-2)


@given(PLACES, PLACES, EXTENTS, EXTENTS, SIZES)
@settings(deadline=None)
def test_the_crop_holds_the_whole_box(
    x: float, y: float, w: float, h: float, size: tuple[int, int]
) -> None:
    corners = np.array([[x, y], [x + w, y], [x, y + h], [x + w, y + h]])
    found = Crop.of_box((x, y, w, h), size).to_crop(corners)
    extent = (found.max(axis=0) - found.min(axis=0)) / (size[1], size[0])
    assert extent.max() == pytest.approx(1 / 1.25, rel=1e-3)
    assert ((found >= 0) & (found <= (size[1], size[0]))).all()


@given(PLACES, PLACES, EXTENTS, EXTENTS, st.integers(2, 1000), st.integers(2, 1000))
@settings(deadline=None)
def test_a_clean_box_lies_in_the_image(
    x: float, y: float, w: float, h: float, width: int, height: int
) -> None:
    if box_faults((x, y, w, h), width, height):
        return
    left, top, across, down = clean_box((x, y, w, h), width, height)
    assert left >= 0
    assert top >= 0
    assert across > 0
    assert down > 0
    assert left + across <= width - 1 + 1e-6
    assert top + down <= height - 1 + 1e-6


@pytest.mark.parametrize(
    "box",
    [
        (10, 10, 0, 20),
        (10, 10, 20, -1),
        (-30, 5, 30, 20),
        (100, 5, 30, 20),
        (5, 80, 30, 20),
        (5, 5, float("nan"), 20),
        (5, 5, float("inf"), 20),
        (99, 5, 1, 20),
        (5, 5, 20),
        (5, 5, 10**400, 20),
        (5, 5, "wide", 20),
        None,
    ],
)
def test_a_box_that_shows_nothing_is_refused(box: Any) -> None:
    with pytest.raises(InvalidInput, match="box"):
        clean_box(box, 100, 80)


def test_a_positive_rotation_moves_the_content_counter_clockwise() -> None:
    crop = Crop((50, 50), 100, (100, 100), rotation=90)
    assert crop.to_crop(np.array([90.0, 50.0])) == pytest.approx([50, 10], abs=1e-4)


def test_the_crop_is_black_outside_the_image_and_written_in_place() -> None:
    image = np.full((40, 60, 3), 200, np.uint8)
    batch = np.full((2, 32, 64, 3), 7, np.uint8)
    crop = Crop.of_box((0, 0, 20, 20), (32, 64))
    crop_image(image, crop, out=batch[1])
    assert (batch[0] == 7).all()
    assert (batch[1] == crop_image(image, crop)).all()
    assert (batch[1, :, 0] == 0).all()
    assert (batch[1, 16, 32] == 200).all()
    with pytest.raises(ValueError, match="out must be uint8"):
        crop_image(image, crop, out=np.zeros((64, 32, 3), np.uint8))


def test_heatmaps_of_other_sizes() -> None:
    points = np.array([[64.0, 32.0], [np.nan, np.nan], [400.0, 10.0]])
    heatmaps, weights = support_heatmaps(
        points, np.array([True, False, True]), crop_size=(128, 256), size=(16, 32)
    )
    assert heatmaps.shape == (3, 16, 32)
    assert heatmaps.dtype == weights.dtype == np.float32
    assert weights.tolist() == [1, 0, 0]
    assert np.unravel_index(heatmaps[0].argmax(), (16, 32)) == (4, 8)
    assert heatmaps[0].max() == 1
    assert not heatmaps[1:].any()


@given(st.floats(40, 216), st.floats(40, 216), st.floats(0.5, 3))
@settings(deadline=None)
def test_an_exact_mask_is_centred_on_its_point(x: float, y: float, sigma: float) -> None:
    points = np.array([[x, y]])
    heatmaps, _ = support_heatmaps(points, np.array([True]), sigma=sigma, rounded=False)
    cells = 4 * (np.arange(64) + 0.5)
    mass = heatmaps[0] / heatmaps[0].sum()
    assert mass.sum(axis=0) @ cells == pytest.approx(x, abs=0.5)
    assert mass.sum(axis=1) @ cells == pytest.approx(y, abs=0.5)


@given(st.lists(st.tuples(PLACES, PLACES), min_size=1, max_size=20))
@settings(deadline=None)
def test_the_hull_box_holds_its_points(points: list[tuple[float, float]]) -> None:
    x, y, w, h = hull_box(np.array(points, np.float32))
    for px, py in points:
        assert x - 1e-3 <= px <= x + w - 1 + 1e-3
        assert y - 1e-3 <= py <= y + h - 1 + 1e-3
    assert min(w, h) >= 32


def test_clipping_keeps_what_the_image_shows() -> None:
    assert clip_box((-10, 20, 30, 100), 100, 80) == (0, 20, 20, 60)
