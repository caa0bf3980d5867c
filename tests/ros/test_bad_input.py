"""Bad input gets an answer that names the field, is counted, and changes nothing."""

from __future__ import annotations

import array
import errno
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import dds  # before the message packages
import numpy as np
import pytest
from builtin_interfaces.msg import Time
from dds import EVERYTHING_IS_FOUND, NAMES, PIXELS, POINTS, Bench, image, shot
from sensor_msgs.msg import CompressedImage, Image, RegionOfInterest
from test_parameters import change
from test_services import active

from cape_ros.msg import Keypoint, SupportShot
from cape_ros.server.server import RegisterMode
from cape_ros.srv import ActivateCategories, Estimate

NAN, INF = float("nan"), float("inf")
MOST = 2**32 - 1
JPEG = cv2.imencode(".jpg", PIXELS)[1].tobytes()


@pytest.fixture(scope="module")
def bench(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    bench = Bench(
        weights=weights, library=tmp_path_factory.mktemp("library"), **EVERYTHING_IS_FOUND
    )
    assert bench.robot.register().success
    yield bench
    bench.close()


def damaged(pixels: np.ndarray = PIXELS, **changes: Any) -> Image:
    message = image(1, pixels)
    for name, value in changes.items():
        setattr(message, name, value)
    return message


def keypoints(*points: tuple[float, float], visibility: int = Keypoint.VISIBLE) -> dict[str, Any]:
    return {
        "keypoints": [Keypoint(x=float(x), y=float(y), visibility=visibility) for x, y in points]
    }


def box(x: int, y: int, width: int, height: int) -> dict[str, Any]:
    return {"box": RegionOfInterest(x_offset=x, y_offset=y, width=width, height=height)}


NO_DATA = array.array("B")
BAD_IMAGES = {
    "no data": ({"data": NO_DATA}, "image.data"),
    "too little data": ({"data": array.array("B", bytes(90 * 360 - 1))}, "image.data"),
    "no width": ({"width": 0}, "image.width"),
    "no height": ({"height": 0}, "image.width"),
    "too wide": ({"width": 121}, "image.step"),
    "too high": ({"height": 91}, "image.data"),
    "huge": ({"width": MOST, "height": MOST, "step": MOST}, "image.width"),
    "a huge step": ({"step": MOST}, "image.data"),
    "no step": ({"step": 0}, "image.step"),
    "an unknown encoding": ({"encoding": "jpeg2000"}, "image.encoding"),
    "no encoding": ({"encoding": ""}, "image.encoding"),
}
LONG = {"a side too long": (np.zeros((2, 40000, 3), np.uint8), "image")}

LARGE = CompressedImage(
    format="png", data=cv2.imencode(".png", np.zeros((5000, 5000), np.uint8))[1].tobytes()
)

BAD_SHOTS = {
    "NaN": (keypoints((NAN, 5.0), *POINTS[1:]), "keypoints[0]"),
    "infinite": (keypoints(*POINTS[:3], (3.0, INF)), "keypoints[3]"),
    "outside": (keypoints(*POINTS[:3], (119.6, 5.0)), "keypoints[3]"),
    "far outside": (keypoints((-3e38, 5.0), *POINTS[1:]), "keypoints[0]"),
    "none visible": (keypoints(*POINTS, visibility=Keypoint.OCCLUDED), "visible"),
    "none at all": (keypoints(), "keypoints"),
    "too few": (keypoints(*POINTS[:3]), "keypoints"),
    "a box without width": (box(10, 10, 0, 50), "box"),
    "a box without height": (box(10, 10, 50, 0), "box"),
    "a box of one pixel": (box(10, 10, 1, 1), "box"),
    "a box off the image": (box(120, 10, 50, 50), "box"),
    "a box far off the image": (box(MOST, MOST, MOST, MOST), "box"),
    "a box beside the keypoints": (box(100, 0, 10, 10), "box"),
    "no compressed image": (
        {"image": Image(), "compressed": CompressedImage(data=b"nonsense")},
        "compressed.data",
    ),
    "half of a compressed image": (
        {"image": Image(), "compressed": CompressedImage(data=JPEG[: len(JPEG) // 2])},
        "compressed.data",
    ),
    "a frame that was not kept": ({"image": Image(), "stamp": Time(sec=7)}, "stamp"),
}

BAD_REGISTRATIONS = {
    **{
        f"shot: {what}": ({"shots": [shot(), shot(**change)]}, f"shots[1].{field}")
        for what, (change, field) in BAD_SHOTS.items()
    },
    **{
        f"image: {what}": ({"shots": [shot(), shot(image=damaged(**change))]}, f"shots[1].{field}")
        for what, (change, field) in BAD_IMAGES.items()
    },
    **{
        f"image: {what}": ({"shots": [shot(), shot(image=image(1, pixels))]}, f"shots[1].{field}")
        for what, (pixels, field) in LONG.items()
    },
    **{f"name {name!r}": ({"name": name}, "name") for name in ("", "../x", "a/b", "..", "a\\b")},
    "no names": ({"keypoint_names": []}, "keypoint_names"),
    "a duplicate name": ({"keypoint_names": ["a", "b", "a", "d"]}, "keypoint_names[2]"),
    "an empty name": ({"keypoint_names": ["a", "b", " ", "d"]}, "keypoint_names[2]"),
    "too many keypoints": (
        {
            "keypoint_names": [f"k{i}" for i in range(101)],
            "shots": [shot(**keypoints(*[(i, i / 2) for i in range(101)]))],
        },
        "keypoint_names",
    ),
    "300,000 equal names": ({"keypoint_names": ["a"] * 300_000}, "keypoint_names"),
    "200,000 edges": ({"edges": [0, 1] * 200_000}, "edges"),
    "500,000 keypoints": (
        {"shots": [shot(keypoints=[Keypoint(x=NAN, y=NAN)] * 500_000)]},
        "shots[0].keypoints",
    ),
    "20,000 shots without an image": (
        {"shots": [SupportShot(keypoints=shot().keypoints)] * 20_000},
        "shots",
    ),
    "60 shots of 25 million pixels each": (
        {"shots": [shot(image=Image(), compressed=LARGE)] * 60},
        "shots",
    ),
    "half a symmetry": ({"symmetries": [1, 0]}, "symmetries"),
    "a symmetry that is none": ({"symmetries": [0, 0, 2, 3]}, "symmetries[0]"),
    "40,000 symmetries": ({"symmetries": [1, 0, 2, 3] * 40_000}, "symmetries"),
    "half an edge": ({"edges": [0, 1, 2]}, "edges"),
    "an edge to an absent keypoint": ({"edges": [0, 1, 2, 4]}, "edges[1]"),
    "an edge to an impossible keypoint": ({"edges": [65535, 0]}, "edges[0]"),
    "an edge to itself": ({"edges": [3, 3]}, "edges[0]"),
    "no shots": ({"shots": []}, "shots"),
    "too many shots": (
        {"shots": [shot(image=image(1, PIXELS[:72]))] * 65, "mode": RegisterMode.REPLACE},
        "shots",
    ),
    "a taken name": ({"name": "cup"}, "name"),
    "an unknown mode": ({"mode": 3}, "mode"),
    "the largest mode": ({"mode": 255}, "mode"),
    "shots without a name": ({"mode": RegisterMode.ADD_SHOTS}, "name"),
    "shots without a name, no keypoints": (
        {"mode": RegisterMode.ADD_SHOTS, "keypoint_names": []},
        "name",
    ),
    "shots of others": (
        {"name": "cup", "mode": RegisterMode.ADD_SHOTS, "keypoint_names": ["d", "c", "b", "a"]},
        "keypoint_names",
    ),
    "edges of others": (
        {"name": "cup", "mode": RegisterMode.ADD_SHOTS, "edges": [0, 3]},
        "edges",
    ),
}


def check_refused(bench: Bench, call: Callable[[], Any], field: str, counted: str) -> None:
    state, before = bench.state, bench.node.server.statistics.rejected
    folder = bench.library / "categories"
    entries = sorted(folder.rglob("*"))
    refused = call()
    assert not refused.success
    assert f"{field}: " in refused.message
    assert bench.node.server.statistics.rejected[counted] == before.get(counted, 0) + 1
    assert bench.state == state
    assert sorted(folder.rglob("*")) == entries
    message, found = bench.robot.show()
    assert found.header == message.header
    assert {cup.category_version for cup in found.objects} == {1}


@pytest.mark.parametrize("what", BAD_REGISTRATIONS)
def test_a_bad_registration(bench: Bench, what: str) -> None:
    changes, field = BAD_REGISTRATIONS[what]
    counted = re.sub(r"\[\d\]", "", field)
    check_refused(bench, lambda: bench.robot.register(**{"name": "pan", **changes}), field, counted)


def test_an_answer_stays_small(bench: Bench) -> None:
    faulty = shot(**keypoints(*[(NAN, 1.0)] * 4))
    refused = bench.robot.register(name="pan", shots=[faulty] * 60)
    assert "has 220 more faults" in refused.message
    assert len(refused.message) < 4000


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"categories": ["cup"] * 2000, "boxes": [RegionOfInterest()] * 2000}, "boxes"),
        ({"categories": ["cup"] * 200_000}, "categories"),
    ],
)
def test_an_estimate_of_too_many_objects(bench: Bench, changes: dict[str, Any], field: str) -> None:
    client = bench.robot.create_client(Estimate, "/cape/estimate")
    request = Estimate.Request(image=image(1), **changes)
    check_refused(bench, lambda: bench.robot.call(client, request), field, field)


BAD_ESTIMATES: dict[str, tuple[dict[str, Any], str]] = {
    "a camera that is not there": ({"image": Image(), "camera": "left"}, "camera"),
    "a frame that was not kept": ({"image": Image(), "stamp": Time(sec=3)}, "stamp"),
    "an unknown encoding": ({"image": Image(encoding="x", width=1, height=1)}, "image.encoding"),
    "an unknown category": ({"categories": ["zebra"]}, "categories[0]"),
    "a box too few": ({"categories": ["cup", "cup"], "boxes": [RegionOfInterest()]}, "boxes"),
    "a box without a name": ({"boxes": [RegionOfInterest(width=9, height=9)]}, "categories"),
    "an empty box": ({"categories": ["cup"], "boxes": [RegionOfInterest()]}, "boxes[0]"),
}


@pytest.mark.parametrize("what", BAD_ESTIMATES)
def test_a_bad_estimate(bench: Bench, what: str) -> None:
    fields, field = BAD_ESTIMATES[what]
    refused = bench.robot.ask(Estimate, "estimate", **{"image": image(1), **fields})
    assert not refused.success
    assert f"{field}: " in refused.message
    assert bench.robot.show()[1].objects


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"categories": ["cup", "zebra"]}, "categories[1]: 'zebra'"),
        ({"camera": "left", "categories": ["cup"]}, "camera: 'left'"),
        ({"all": True, "categories": ["cup"]}, "categories: "),
    ],
)
def test_a_wrong_activation_changes_nothing(
    bench: Bench, fields: dict[str, Any], reason: str
) -> None:
    refused = bench.robot.ask(ActivateCategories, "activate_categories", **fields)
    assert not refused.success
    assert reason in refused.message
    assert active(bench.robot) == {"cup": True}
    refused = change(bench, active_categories=["zebra"])
    assert "active_categories: 'zebra' is not registered" in refused.reason
    assert bench.robot.show()[1].objects


def test_every_fault_is_in_one_answer(bench: Bench) -> None:
    refused = bench.robot.register(
        name="a/b",
        keypoint_names=["a", "a", "c", "d"],
        edges=[0, 9],
        shots=[shot(**keypoints((NAN, 1.0), *POINTS[1:])), shot(image=damaged(data=NO_DATA))],
    )
    for field in ("name", "keypoint_names[1]", "edges[0]", "shots[0].keypoints[0]"):
        assert f"{field}: " in refused.message
    assert "shots[1].image.data: " in refused.message


@pytest.mark.parametrize("name", ["pan", "", "../cup", "cup/v000001"])
def test_an_unknown_category_cannot_be_removed(bench: Bench, name: str) -> None:
    check_refused(bench, lambda: bench.robot.remove(name), "name", "name")


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC])
def test_a_library_that_cannot_be_written(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        calls = [
            lambda: bench.robot.register(name="pan"),
            lambda: bench.robot.register(mode=RegisterMode.REPLACE),
        ]
        if number != errno.ENOSPC:  # a removal makes room
            calls.append(lambda: bench.robot.remove("cup"))
        for call in calls:
            where = f"category library {bench.library}"
            check_refused(bench, call, where, "LibraryError")


@pytest.mark.parametrize("what", [*BAD_IMAGES, *LONG, "a few pixels"])
def test_a_bad_image_is_counted_and_the_stream_goes_on(bench: Bench, what: str) -> None:
    if what in BAD_IMAGES:
        changes, field = BAD_IMAGES[what]
        message = damaged(**changes)
    else:
        pixels, field = {**LONG, "a few pixels": (PIXELS[:1, :1], "image")}[what]
        message = image(1, pixels)
    server = bench.node.server
    before = server.statistics
    bench.robot.camera.publish(message)
    expected = before.rejected.get(field, 0) + 1
    dds.wait_for(lambda: server.statistics.rejected.get(field, 0) == expected)
    assert server.statistics.answered == before.answered
    assert [found.category for found in bench.robot.show()[1].objects] == ["cup"]
    assert len(bench.robot.show()[1].objects[0].keypoints) == len(NAMES)
