"""The whole demo, short: a real node process on real DDS."""

from __future__ import annotations

import io
import json
import os
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest
from rich.console import Console

if not find_spec("rclpy"):
    pytest.skip("needs rclpy", allow_module_level=True)

from cape_ros.core.errors import CapeError, InvalidInput, SourceError
from cape_ros.demo.folder import LOG
from cape_ros.demo.run import run_demo
from cape_ros.demo.scoreboard import LEGEND
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.library.library import CategoryLibrary

SCENES = ["coffee", "rocket", "chelsea", "astronaut", "three_coffees"]


def test_the_demo_on_photographs(tmp_path: Path) -> None:
    """In the folder of an earlier one, and what is registered is kept."""
    out, library = tmp_path / "out", tmp_path / "out" / "library"
    image = np.full((48, 64, 3), 128, np.uint8)
    before = Category("of_an_earlier_run", ["tip"], [], [SupportShot(image, [(30, 20)])])
    CategoryLibrary(library).put(before)
    (out / LOG).touch()
    screen = io.StringIO()
    console = Console(file=screen, width=100)
    assert run_demo(out=out, frames=6, device="cpu", keep=True, console=console) == 0

    summary = json.loads((out / "summary.json").read_text())
    assert list(summary["scenes"]) == SCENES
    assert set(summary["total"]) == set(summary["legend"]) == set(LEGEND)
    for figures in [*summary["scenes"].values(), summary["total"]]:
        assert figures["frames_dropped"] == figures["frames_sent"] - figures["frames_answered"]
        assert figures["frames_answered"] > 0
        assert figures["latency_median_ms"] > 0
    assert summary["total"]["frames_sent"] == 6 * len(SCENES)

    lines = [json.loads(line) for line in (out / "keypoints.jsonl").read_text().splitlines()]
    counted = [line for line in lines if line["frame"] is not None]
    frames = {(line["scene"], line["frame"]) for line in counted}
    assert len(frames) == summary["total"]["frames_answered"]
    assert {line["scene"] for line in counted} == set(SCENES)
    found = [line for line in counted if line["category"]]  # a frame without objects has none
    objects = {(line["scene"], line["frame"], line["track_id"]) for line in found}
    assert len(objects) == len(found)  # each one once
    for line in found:
        assert line["category"] == line["scene"]
        assert line["category_version"] >= 1
        assert 6 <= len(line["keypoints"]) <= 10
        known = ["true_x" in keypoint for keypoint in line["keypoints"]]
        assert all(known) or not any(known)  # what is found where nothing is has no truth
    with_truth = [line for line in found if "true_x" in line["keypoints"][0]]
    assert {line["scene"] for line in with_truth} == set(SCENES)

    assert cv2.VideoCapture(str(out / "overlay.webm")).get(cv2.CAP_PROP_FRAME_COUNT) > 0
    assert cv2.imread(str(out / "contact_sheet.png")) is not None
    table = screen.getvalue()
    for word in (*SCENES, "frames dropped", "PCK@0.1", "summary.json"):
        assert word in table

    kept = {category.name: category.version for category in CategoryLibrary(library)}
    assert kept.pop(before.name) == 1
    assert set(kept) == set(SCENES)
    assert min(kept.values()) > 1  # it was removed after its scene, and registered again at the end
    assert f"--library {library}" in table.replace("\n", "")


def test_a_node_that_cannot_start_shows_the_end_of_its_log(tmp_path: Path) -> None:
    weights = tmp_path / "broken.safetensors"
    weights.write_bytes(b"no weights")
    with pytest.raises(CapeError, match=r"(?s)the node ended with status 1.*broken\.safetensors"):
        run_demo(out=tmp_path / "out", frames=2, weights=str(weights), device="cpu")


def test_what_cannot_be_done_is_said_before_anything_starts(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(InvalidInput, match="camera"):
        run_demo(video=tmp_path / "a.mp4", camera=0, out=out)
    with pytest.raises(InvalidInput, match="keypoints"):
        run_demo(keypoints=tmp_path / "a.json", out=out)
    with pytest.raises(InvalidInput, match="frames"):
        run_demo(frames=0, out=out)
    with pytest.raises(SourceError, match=r"a\.mp4"):
        run_demo(video=tmp_path / "a.mp4", out=out)
    with pytest.raises(SourceError, match="camera 97"):
        run_demo(camera=97, out=out)
    assert not out.exists()


def test_a_library_that_is_not_the_demos_is_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / "library" / "categories"
    mine.mkdir(parents=True)
    with pytest.raises(InvalidInput, match="out"):
        run_demo(out=tmp_path, frames=1)
    assert mine.is_dir()


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_an_output_folder_that_is_read_only(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(InvalidInput, match="cannot be written to"):
        run_demo(out=tmp_path / "out", frames=1)


def test_an_output_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(InvalidInput, match="not a folder"):
        run_demo(out=tmp_path / "out", frames=1)
