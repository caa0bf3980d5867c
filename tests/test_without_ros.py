"""The command line on a machine without rclpy, and without what is optional."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from absent import ROS
from recordings import raw, record
from serving import serve_until_ctrl_c
from skimage import data

from cape_ros.core.images import write_image

CHECKOUT = Path(__file__).parents[1]
SECONDS = 120.0
OPTIONAL = ("uvicorn", "openvino", "onnx", "onnxscript", "onnxruntime", "matplotlib", "rosbags")
CAPE = """
import sys
from absent import hide
hide(sys.argv.pop(1).split(","))
from cape_ros.cli import main
"""
ONE = CAPE + "sys.exit(main())"
MANY = (
    CAPE
    + """
import io, json
from contextlib import redirect_stderr, redirect_stdout

for words in json.load(sys.stdin):
    sys.argv = ["cape", *words]
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        try:
            status = main()
        except SystemExit as stop:
            status = stop.code or 0
    print(json.dumps([status, out.getvalue(), err.getvalue()]))
"""
)
Answer = tuple[int, str, str]


def environment() -> dict[str, str]:
    folders = [str(CHECKOUT), str(CHECKOUT / "tests"), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(folders), "COLUMNS": "200"}


def cape(hidden: tuple[str, ...], *lines: list[object]) -> list[Answer]:
    """Exit status, output and errors of each command line, typed where `hidden` is missing."""
    done = subprocess.run(
        [sys.executable, "-c", MANY, ",".join(hidden)],
        input=json.dumps([[str(word) for word in words] for words in lines]),
        capture_output=True,
        text=True,
        env=environment(),
    )
    assert done.returncode == 0, done.stderr
    return [(status, out, err) for status, out, err in map(json.loads, done.stdout.splitlines())]


def in_one_sentence(answer: Answer, *parts: str) -> None:
    status, _, error = answer
    assert status == 1
    assert error.startswith("cape: ")
    assert error.count("\n") == 1
    for part in parts:
        assert part in error


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "coffee.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (320, 240))
    for index in range(4):
        frame = np.roll(cv2.resize(data.coffee(), (320, 240)), 3 * index, axis=1)
        writer.write(np.ascontiguousarray(frame[..., ::-1]))
    writer.release()
    return path


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    path = tmp_path / "coffee.json"
    marked = [("rim", 310, 120), ("handle", 430, 160), ("spoon", 110, 300), ("saucer", 330, 330)]
    keypoints = [{"name": name, "x": x, "y": y} for name, x, y in marked]
    path.write_text(json.dumps({"name": "coffee", "keypoints": keypoints}))
    return path


def test_what_needs_no_node_works_and_what_needs_one_says_so(
    film: Path, marks: Path, tmp_path: Path
) -> None:
    image, library = tmp_path / "coffee.png", ["--library", tmp_path / "library"]
    write_image(image, data.coffee())
    options = ["--category", "coffee", "--box", "60,40,480,340", "--device", "cpu", *library]
    stamps = range(0, 300_000_000, 100_000_000)
    images = [("/image", at, raw(data.coffee(), at)) for at in stamps]
    recording, out = record(tmp_path / "drive", "sqlite3", images), tmp_path / "out.mcap"
    registered, listed, estimated, found, measured, demo, node = cape(
        ROS,
        ["register", image, "--keypoints", marks, *library],
        ["list", *library],
        ["estimate", image, *options],
        ["bag", recording, out, "--device", "cpu", *library],
        ["lab", "evaluate-video", "shipped", film],
        ["demo", "--out", tmp_path / "out"],
        ["serve", "--ros-args", "-p", "device:=cpu"],
    )
    assert registered[0] == 0, registered
    assert "coffee version 1" in registered[1]
    assert listed[0] == 0, listed
    assert "coffee" in listed[1]
    assert estimated[0] == 0, estimated
    assert len(json.loads(estimated[1])["keypoints"]) == 4
    assert found[0] == 0, found
    assert "/image: 3 images, found: coffee in 3" in found[1]
    assert measured[0] == 0, measured
    for answer in (demo, node):
        in_one_sentence(answer, "rclpy", "source ROS 2", "make", "--camera")
    assert not (tmp_path / "out").exists()


def test_studio_on_a_video(film: Path, tmp_path: Path) -> None:
    words = ["--video", film, "--port", "0", "--library", tmp_path / "library", "--device", "cpu"]
    command = [sys.executable, "-c", ONE, ",".join(ROS), "serve", *map(str, words)]
    serve_until_ctrl_c(command, tmp_path / "log", (320, 240), environment())


def test_what_is_optional_is_named_where_it_is_missing(
    film: Path, marks: Path, tmp_path: Path
) -> None:
    image, library = tmp_path / "coffee.png", ["--library", tmp_path / "library"]
    write_image(image, data.coffee())
    (tmp_path / "log.csv").write_text("step,seconds,loss,rate,gradient\n0,1,1,1,1\n")
    options = ["--category", "coffee", "--box", "60,40,480,340", *library]
    registered, studio, openvino, onnx, curves, recording = cape(
        (*ROS, *OPTIONAL),
        ["register", image, "--keypoints", marks, *library],
        ["serve", "--video", film],
        ["estimate", image, *options, "--device", "openvino"],
        ["lab", "export-onnx", tmp_path / "net.onnx"],
        ["lab", "train", "--plot", tmp_path],
        ["bag", tmp_path / "drive", tmp_path / "out.mcap", *library],
    )
    assert registered[0] == 0, registered
    in_one_sentence(studio, "Studio needs uvicorn", "pip install 'fastapi")
    in_one_sentence(openvino, "openvino: is missing", "pip install 'openvino")
    in_one_sentence(onnx, "onnx", "pip install 'onnx")
    in_one_sentence(curves, "matplotlib", "'matplotlib>=")
    in_one_sentence(recording, "recordings need rosbags", "pip install", "'rosbags>=")
    (demo,) = cape((*ROS, "skimage"), ["serve", "--demo"])
    in_one_sentence(demo, "scikit-image", "pip install 'scikit-image", "--video or --camera")
