"""Objects in space and depth in the live view: for those who want to see them, and only then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import Site, Viewer
from steered import Stand, category, wait_for

from cape_ros.perception.category import Category
from cape_ros.perception.space import ImageInSpace, Sight, SpaceEstimator, SpaceInputs
from cape_ros.perception.spatial import CameraModel, DepthImage, Pose, Shape, read_frames
from cape_ros.server.server import Result
from cape_ros.studio import broadcast

FOCAL = 100.0
CAMERA = CameraModel.of([FOCAL, 0, 31.5, 0, FOCAL, 23.5, 0, 0, 1], (), "plumb_bob")
PIXELS = np.array([(24, 16), (40, 16), (40, 32), (24, 32)], float)
DEPTH = np.full((48, 64), 800, np.uint16)
DEPTH[:, :8] = 0  # a hole
DEPTH[:, 56:] = 1200
SQUARE = np.column_stack(((PIXELS - (31.5, 23.5)) / FOCAL * 0.8, np.zeros(4)))
GRASP = {"origin": ["a", "b"], "x": "a->b", "z": "approach"}


@pytest.fixture
def inputs() -> dict[str, SpaceInputs]:
    """What each camera has for results in space; to be changed."""
    return {"a": SpaceInputs(calibrated=True, depth=True)}


@pytest.fixture
def site(tmp_path: Path, inputs: dict[str, SpaceInputs]) -> Iterator[Site]:
    with Stand.on(tmp_path) as stand:
        site = Site(stand, cameras=lambda: ["a"], space_inputs=inputs.__getitem__)
        yield site
        site.close()


def cup(shape: bool = True) -> Category:
    known = category()
    frames = read_frames({"grasp": GRASP}, known.keypoint_names)
    return replace(known, frames=frames, shape=Shape.given(SQUARE, 4) if shape else None)


def show(site: Site, stamp: int, **sight: Any) -> Result:
    """A frame, and, as the node does, what is known of it in space."""
    site.stand.show(header=stamp)
    result = site.stand.results[-1]
    if site.studio.wants_space("a"):
        seen = Sight(CAMERA, stamp / 1e9, **{"depth": DepthImage.of(DEPTH), **sight})
        objects = SpaceEstimator().estimate(result.objects, result.categories, seen)
        site.studio.offer_space(result, ImageInSpace(seen, objects))
    return result


def whole(viewer: Viewer) -> tuple[dict[str, Any], np.ndarray]:
    """The next frame with which something is known in space; the first one may be without."""
    header, picture = viewer.frame()
    while header["space"] is None:
        viewer.draw(header)
        header, picture = viewer.frame()
    return header, picture


def test_axes_points_and_distances(site: Site) -> None:
    site.stand.server.register(cup())
    with site.watch("?space=true") as viewer:
        wait_for(lambda: site.studio.wants_space("a"))
        show(site, 1)
        header, picture = whole(viewer)
    assert picture.shape == (48, 64, 3)
    assert header["depth"] is None
    assert header["space"]["trouble"] == ""
    (one,) = header["space"]["objects"]
    assert one["distance"] == pytest.approx(0.8, abs=0.01)
    for keypoint, pixel, point in zip(one["keypoints"], PIXELS, SQUARE, strict=True):
        np.testing.assert_allclose((keypoint["x"], keypoint["y"]), pixel, atol=1.5)
        assert keypoint["measured"]
        assert keypoint["distance"] == pytest.approx(np.hypot(0.8, np.hypot(*point[:2])), abs=0.01)
        assert 0 < keypoint["deviation"] < 0.05
    own, grasp = one["frames"]
    assert [own["name"], grasp["name"]] == ["", "grasp"]
    np.testing.assert_allclose(own["origin"], (31.5, 23.5), atol=1.5)
    np.testing.assert_allclose(grasp["origin"], (32, 16), atol=1.5)
    (right, y), (x, down), _ = np.subtract(own["axes"], own["origin"])
    assert right > 3 * abs(y)
    assert down > 3 * abs(x)
    assert grasp["distance"] == pytest.approx(0.8, abs=0.02)


def test_a_target_frame_changes_nothing_in_the_image(site: Site) -> None:
    site.stand.server.register(cup())
    turn = np.array([(0.0, 0, 1), (-1, 0, 0), (0, -1, 0)])
    target = Pose(turn, np.array((1.0, 2.0, 3.0)), np.zeros((6, 6)))
    headers = []
    with site.watch("?space=true") as viewer:
        wait_for(lambda: site.studio.wants_space("a"))
        for stamp, sight in ((1, {}), (2, {"target": target, "target_frame": "base"})):
            show(site, stamp, **sight)
            headers.append(whole(viewer)[0])
            viewer.draw(headers[-1])
    ((before,), (after,)) = (header["space"]["objects"] for header in headers)
    for one, other in zip(before["frames"], after["frames"], strict=True):
        np.testing.assert_allclose(one["axes"], other["axes"], atol=0.5)
        assert one["distance"] == pytest.approx(other["distance"], abs=1e-3)


def test_what_is_not_known_is_said(site: Site) -> None:
    site.stand.server.register(cup(shape=False))
    with site.watch("?space=true") as viewer:
        wait_for(lambda: site.studio.wants_space("a"))
        show(site, 1, depth=None)
        header, _ = whole(viewer)
        (one,) = header["space"]["objects"]
        assert one["distance"] is None
        assert {keypoint["distance"] for keypoint in one["keypoints"]} == {None}
        own, grasp = one["frames"]
        assert own["reason"].startswith("the category has no shape")
        assert grasp["reason"] == "keypoint 'a' has no depth"
        viewer.draw(header)
        site.stand.show(header=2)
        trouble = "no 3-D results: no camera_info has come"
        site.studio.offer_space(site.stand.results[-1], ImageInSpace(None, trouble=trouble))
        assert whole(viewer)[0]["space"] == {"trouble": trouble, "objects": [None]}


def test_nothing_is_wanted_unless_somebody_watches(site: Site) -> None:
    site.stand.server.register(cup())
    with site.watch() as plain:
        show(site, 1)
        header, _ = plain.frame()
        assert not site.studio.wants_space("a")
        assert (header["space"], header["depth"]) == (None, None)
        plain.draw(header)
        with site.watch("?depth=true") as other:
            wait_for(lambda: site.studio.wants_space("a"))
            assert not site.studio.wants_space("b")
            other.connection.send('{"depth": false}')
            wait_for(lambda: not site.studio.wants_space("a"))
            other.connection.send('{"space": true}')
            wait_for(lambda: site.studio.wants_space("a"))
    wait_for(lambda: not site.studio.wants_space("a"))


def test_who_wants_space_gets_whole_results_the_others_are_not_kept_waiting(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcast, "SPACE_PATIENCE", 1e9)
    site.stand.server.register(cup())
    with site.watch() as plain, site.watch("?space=true") as wishing:
        wait_for(lambda: site.studio.wants_space("a"))
        show(site, 1)
        plain.draw(plain.frame()[0])
        wishing.draw(whole(wishing)[0])
        site.stand.show(header=5)
        assert plain.frame()[0]["stamp_ns"] == 5
        assert wishing.has_nothing()
        show(site, 6)
        header, _ = wishing.frame()
        assert header["stamp_ns"] == 6
        assert header["space"] is not None


def test_without_results_in_space_the_image_goes_on(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcast, "SPACE_PATIENCE", 0.0)
    with site.watch("?space=true") as viewer:
        for stamp in (1, 2):
            site.stand.show(header=stamp)
            header, _ = viewer.frame()
            assert (header["stamp_ns"], header["space"]) == (stamp, None)
            viewer.draw(header)
        show(site, 3)
        viewer.draw(whole(viewer)[0])
        site.stand.show(header=4)
        assert viewer.frame()[0]["stamp_ns"] == 4


def test_a_frame_with_depth_that_is_taught_gives_a_shape(tmp_path: Path) -> None:
    with Stand.on(tmp_path) as stand:
        site = Site(stand, seen=lambda frame: (CAMERA, DepthImage.of(DEPTH)))
        stand.show(header=1)
        image = site.post("freeze", {})["image"]
        keypoints = [{"x": x, "y": y} for x, y in PIXELS.tolist()]
        shot = {"image": image, "keypoints": keypoints}
        body = {"name": "cup", "keypoint_names": list("abcd"), "shots": [shot]}
        assert site.post("categories/check", body) == {"faults": []}
        assert "its shape has 4 keypoints" in site.post("categories", body)["message"]
        points = np.array(site.get("categories/cup/shape")["points"])
        site.close()
    np.testing.assert_allclose(points - points.mean(0), SQUARE - SQUARE.mean(0), atol=0.01)


@pytest.mark.parametrize("values", [DEPTH, (DEPTH / 1000).astype("<f4")])
def test_depth_in_colours(site: Site, values: np.ndarray) -> None:
    with site.watch("?depth=true&width=1920") as viewer:
        wait_for(lambda: site.studio.wants_space("a"))
        show(site, 1, depth=DepthImage.of(values))
        header, picture = whole(viewer)
    scale = header["depth"]
    assert (scale["near"], scale["far"]) == (0.8, 1.2)
    colors = [[int(part) for part in color[4:-1].split()] for color in scale["colors"]]
    for column, color in ((2, (0, 0, 0)), (30, colors[0]), (61, colors[-1])):
        np.testing.assert_allclose(picture[10:40, column].mean(axis=0), color, atol=25)
    assert min(map(max, colors)) > 100  # none looks like a hole


@pytest.mark.parametrize("hole", [0, 65535])
def test_a_depth_image_of_holes_has_no_scale(site: Site, hole: int) -> None:
    with site.watch("?depth=true") as viewer:
        wait_for(lambda: site.studio.wants_space("a"))
        show(site, 1, depth=DepthImage.of(np.full((48, 64), hole, np.uint16)))
        header, picture = whole(viewer)
        assert header["depth"] is None
        assert picture.max() < 10


def test_the_page_is_told_what_there_is_to_see(site: Site, inputs: dict[str, SpaceInputs]) -> None:
    told = []
    for stamp, (calibrated, depth, shape) in enumerate(
        [(False, True, True), (True, False, False), (True, False, True), (True, True, False)]
    ):
        inputs["a"] = SpaceInputs(calibrated, depth)
        if "cup" in site.stand.server.categories:
            site.stand.server.remove("cup")
        site.stand.server.register(cup(shape))
        site.stand.show(header=stamp)
        with site.watch() as viewer:
            header, _ = viewer.frame()
        told.append((header["has_space"], header["has_depth"]))
    assert told == [(False, True), (False, False), (True, False), (True, True)]
