"""What a result says of an object, when it is believed, and why a grasp failed."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from cape_ros.demo.grasp import results
from cape_ros.demo.grasp.objects import GraspFrame, SimulatedObject
from cape_ros.demo.grasp.trial import (
    MOST_IMAGES,
    SETTLED,
    Outcome,
    Sighting,
    blame,
    settle,
    sighting,
)

CUP = SimulatedObject(
    "cup",
    0.04,
    lambda body: None,
    keypoints={"rim": (0.0, 0.0, 0.1), "foot": (0.0, 0.0, 0.0)},
    frames={"grasp": {"origin": ["rim"], "z": "down"}},
)
GOOD = GraspFrame(np.array((0.5, 0.0, 0.1)), np.eye(3))
PIXELS, POINTS = np.array([(100.0, 50.0), (100.0, 90.0)]), np.array([(0.5, 0, 0.1), (0.5, 0, 0)])
METRE = 900.0  # pixels


def answer(deviation: float = 0.003, refusal: str = "", **fields: Any) -> tuple[Any, Any]:
    """A flat result and one in space, of one cup."""
    point = SimpleNamespace(x=0.5, y=0.0, z=0.1)
    turn = SimpleNamespace(x=0.0, y=0.0, z=0.0, w=1.0)
    pose = SimpleNamespace(
        pose=SimpleNamespace(position=point, orientation=turn),
        covariance=(np.eye(6) * deviation**2).ravel(),
    )
    frame = SimpleNamespace(name="grasp", refusal=refusal, pose=pose)
    common = {"category": "cup", "track_id": 3, "predicted": False, "score": 0.8} | fields
    keypoints = [SimpleNamespace(x=x, y=y) for x, y in PIXELS.tolist()]
    flat = SimpleNamespace(**common, keypoints=keypoints)
    space = SimpleNamespace(**common, frames=[frame])
    return SimpleNamespace(objects=[flat]), SimpleNamespace(objects=[space])


def test_a_frame_is_taken_if_it_is_certain_enough() -> None:
    seen = sighting(CUP, *answer())
    assert seen.frame is not None
    assert seen.score == 0.8
    np.testing.assert_allclose(seen.frame.position, GOOD.position)
    np.testing.assert_allclose(seen.frame.rotation, np.eye(3))
    for fields, reason in (
        ({"deviation": 0.02}, "known to 20 mm only"),
        ({"refusal": "no depth"}, "no depth"),
        ({"predicted": True}, "no cup in the image"),
        ({"category": "can"}, "no cup in the image"),
    ):
        seen = sighting(CUP, *answer(**fields))
        assert seen.frame is None
        assert seen.reason == reason


def test_a_frame_has_to_stay_for_some_images() -> None:
    found, lost = Sighting(GOOD, "", PIXELS), Sighting(None, "no depth", PIXELS)
    looks = iter([lost, found, found, lost, *[found] * 99])
    assert settle(lambda: next(looks)).frame is GOOD
    assert len(list(looks)) == 99 - SETTLED
    looks = iter([found, lost] * 99)
    count = len([settle(lambda: next(looks)), *looks])
    assert count == 198 - MOST_IMAGES + 1


@pytest.mark.parametrize(
    ("seen", "cause"),
    [
        (Sighting(None, ""), "not found"),
        (Sighting(GOOD, "", PIXELS + 90), "wrong object"),
        (Sighting(None, "", PIXELS + 40), "wrong keypoint"),
        (Sighting(None, "", PIXELS + 2), "wrong depth"),
        (Sighting(GOOD, "", PIXELS), "planner"),
        (Sighting(GraspFrame(GOOD.position + 0.03, np.eye(3)), "", PIXELS), "wrong depth"),
        (Sighting(GraspFrame(GOOD.position + 0.03, np.eye(3)), "", PIXELS + 40), "wrong keypoint"),
    ],
)
def test_why_a_grasp_failed(seen: Sighting, cause: str) -> None:
    assert blame(CUP, seen, PIXELS, POINTS, METRE)[0] == cause


def test_the_table_counts_by_object_angle_and_cause(tmp_path: Path) -> None:
    outcomes = [
        Outcome("cup", True, "", "", 0.8, 4.0, 1.0, 3.0),
        Outcome("cup", False, "not found", "no cup in the image", 0.0, 25.0),
        Outcome("can", False, "planner", "it was not lifted", 0.7, 12.0, 2.0, 9.0),
    ]
    screen = io.StringIO()
    results.show(Console(file=screen, width=120), outcomes)
    rows = {line.split("  ")[0].strip(): line.split() for line in screen.getvalue().splitlines()}
    assert rows["cup"][1:4] == ["1", "of", "2"]
    assert rows["all"][1:9] == ["1", "of", "3", "1", "0", "0", "0", "1"]
    assert rows["20 to 30°"][3:7] == ["0", "of", "1", "1"]
    results.write(tmp_path / "grasps.json", outcomes, {"grasps": 2})
    read = json.loads((tmp_path / "grasps.json").read_text())
    assert [each["cause"] for each in read["grasps"]] == ["", "not found", "planner"]
