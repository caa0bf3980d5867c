"""Shapes and named frames over HTTP."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from browsing import Site
from steered import IMAGE, category

from cape_ros.perception.category import Category
from cape_ros.perception.spatial import Shape
from cape_ros.server.server import RegisterMode

GRASP = {"origin": ["a", "b"], "x": "a->b", "z": "approach"}
FOCAL = 1.2 * 64  # of a camera that is not calibrated
SQUARE = np.array([(24, 16), (40, 16), (40, 32), (24, 32)]) - (31.5, 23.5)


def known_square(ahead: float = 0.0) -> Category:
    """A square that its shot sees from the front, 1 m away; in the object's frame, z points up.

    ahead: [m] how much farther two corners of it are.
    """
    away = 1 + ahead * np.array((0, 1, 0, 1))
    x, y = SQUARE.T / FOCAL * away
    points = np.column_stack((x, away - 1, -y))
    return replace(category(), shape=Shape.given(points, 4))


def test_a_category_without_a_shape(site: Site) -> None:
    site.stand.register("cup")
    assert site.get("categories/cup/shape") is None
    assert site.get("categories/cup")["frames"] == {}
    checked = site.post("categories/cup/frames/check", {"frames": {"grasp": GRASP}})
    assert checked == {"faults": [], "frames": []}


def test_keypoints_and_frames_in_the_objects_frame(site: Site) -> None:
    shape = known_square().shape
    assert shape is not None
    points = shape.points.copy()
    points[3] = np.nan
    site.stand.server.register(replace(known_square(), shape=Shape(points, shape.variances)))
    frames = {"grasp": GRASP, "side": {"origin": ["d"], "x": "a->d"}, "up": {**GRASP, "z": "down"}}
    site.ask("PUT", "categories/cup/frames", json={"frames": frames})
    answer = site.get("categories/cup/shape")
    assert answer["metric"]
    assert answer["points"][3] is None
    np.testing.assert_allclose(answer["points"][:3], points[:3], atol=1e-6)
    assert [each["name"] for each in answer["frames"]] == ["grasp", "side", "up"]
    grasp, side, up = answer["frames"]
    np.testing.assert_allclose(grasp["origin"], points[:2].mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(grasp["axes"][0], (1, 0, 0), atol=1e-6)
    assert side == {
        "name": "side",
        "origin": None,
        "axes": None,
        "reason": "the shape does not have keypoint 'd'",
    }
    assert up["reason"] == "the direction of gravity is not known"


def test_approach_is_away_from_the_camera_of_the_first_shot(site: Site) -> None:
    site.stand.server.register(known_square(ahead=0.2))
    frame = {"origin": ["a", "b"], "z": "approach"}
    site.ask("PUT", "categories/cup/frames", json={"frames": {"grasp": frame}})
    answer = site.get("categories/cup/shape")
    view = np.array(answer["view"])
    np.testing.assert_allclose(view, [(1, 0, 0), (0, 0, -1), (0, 1, 0)], atol=0.05)
    (grasp,) = answer["frames"]
    np.testing.assert_allclose(grasp["axes"][2], (0, 1, 0), atol=0.15)


def test_frames_are_defined_and_removed(site: Site) -> None:
    site.stand.server.register(known_square())
    body = {"frames": {"grasp": GRASP, "up": {"origin": ["a"], "z": "down"}}, "base_version": 1}
    stored = site.ask("PUT", "categories/cup/frames", json=body)
    assert (stored["name"], stored["version"]) == ("cup", 2)
    assert {name: strip(frame) for name, frame in site.get("categories/cup")["frames"].items()} == {
        "grasp": GRASP,
        "up": {"origin": ["a"], "z": "down"},
    }
    known = site.stand.server.categories["cup"]
    assert [frame.name for frame in known.frames] == ["grasp", "up"]
    assert known.shape is not None
    # A registration that says nothing of frames keeps them; only this removes the last one.
    site.stand.server.register(category(), RegisterMode.REPLACE)
    assert len(site.stand.server.categories["cup"].frames) == 2
    site.ask("PUT", "categories/cup/frames", json={"frames": {}, "base_version": 3})
    assert site.stand.server.categories["cup"].frames == ()


def strip(frame: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in frame.items() if value is not None}


def test_faults_are_those_of_a_registration_by_field(site: Site) -> None:
    site.stand.server.register(known_square())
    frames = {
        "grasp": {"origin": ["a", "ear"], "x": "a->a"},
        "1st": GRASP,
        "none": {"origin": ["a"]},
    }
    expected = {
        "frames.grasp.origin[1]": "'ear' is not a keypoint (known: a, b, c, d)",
        "frames.grasp.x": "points from 'a' to itself",
        "frames": "'1st' must be 1 to 64 of A-Z a-z 0-9 _ and start with a letter",
        "frames.none": "has 0 axes; give one or two of x, y, z",
    }
    checked = site.post("categories/cup/frames/check", {"frames": frames})
    assert {each["field"]: each["reason"] for each in checked["faults"]} == expected
    assert checked["frames"] == []
    refused = site.ask("PUT", "categories/cup/frames", 400, json={"frames": frames})
    assert {each["field"]: each["reason"] for each in refused["faults"]} == expected
    assert site.get("categories/cup")["version"] == 1


def test_a_change_of_an_older_version_is_a_conflict(site: Site) -> None:
    site.stand.server.register(known_square())
    site.stand.server.register(known_square(), RegisterMode.REPLACE)
    body = {"frames": {"grasp": GRASP}, "base_version": 1}
    refused = site.ask("PUT", "categories/cup/frames", 409, json=body)
    assert refused["present_version"] == 2
    assert refused["faults"][0]["code"] == "conflict"
    assert site.get("categories/cup")["frames"] == {}
    site.ask("PUT", "categories/pan/frames", 404, json=body)


def test_an_edit_of_the_keypoints_keeps_shape_and_frames(site: Site) -> None:
    site.stand.server.register(known_square())
    frames = {"grasp": GRASP, "side": {"origin": ["d"], "x": "a->d"}}
    site.ask("PUT", "categories/cup/frames", json={"frames": frames})
    before = site.get("categories/cup/shape")["points"]
    # b first and called "brim", then a, a new one, and c; d is gone.
    keypoints = [{"x": x, "y": y} for x, y in ((40, 16), (24, 16), (30, 30), (40, 32))]
    body = {
        "name": "cup",
        "mode": "replace",
        "base_version": 2,
        "keypoint_names": ["brim", "a", "new", "c"],
        "keypoints_before": [1, 0, None, 2],
        "shots": [{"image": site.upload(IMAGE), "keypoints": keypoints}],
    }
    for wrong in ([1, 0, None], [1, 0, None, 4], [1, 1, None, 2]):
        assert "keypoints_before" in site.faults("categories", {**body, "keypoints_before": wrong})
    site.post("categories", body)
    after = site.get("categories/cup/shape")
    assert after["points"] == [before[1], before[0], None, before[2]]
    (grasp,) = site.get("categories/cup")["frames"].items()
    assert grasp[0] == "grasp"
    assert strip(grasp[1]) == {"origin": ["a", "brim"], "x": "a->brim", "z": "approach"}
    # What is known of another version's keypoints says nothing of this one's.
    site.post("categories", {**body, "base_version": None, "keypoint_names": list("efgh")})
    assert site.get("categories/cup/shape") is None


@pytest.mark.parametrize("frame", [{"origin": "a"}, {"origin": ["a"], "w": "down"}, []])
def test_a_malformed_frame_is_refused(site: Site, frame: Any) -> None:
    site.stand.register("cup")
    site.ask("PUT", "categories/cup/frames", 400, json={"frames": {"grasp": frame}})
