"""`ros2 run cape_ros register`: a photograph and a file of keypoints, to a running node."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import dds  # before the message packages
import numpy as np
import pytest
from dds import NAMES, PIXELS, POINTS, Bench
from forks import Forks

from cape_ros.perception.spatial.frames import to_mapping

ROOT = Path(__file__).resolve().parents[2]
FRAMES = {"grasp": {"origin": ["a", "b"], "x": "a->b", "z": "approach"}}
Start = Callable[..., Bench]
Register = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """A photograph and its keypoints."""
    image, keypoints = tmp_path / "mug.png", tmp_path / "mug.json"
    cv2.imwrite(str(image), cv2.cvtColor(PIXELS, cv2.COLOR_RGB2BGR))
    points = [{"name": n, "x": x, "y": y} for n, (x, y) in zip(NAMES, POINTS, strict=True)]
    content = {"name": "mug", "keypoints": points, "edges": [[0, 1]], "frames": FRAMES}
    content["keypoints_3d"] = [[0.1, 0, 0], [0, 0.1, 0], [0, 0, 0.1], None]
    keypoints.write_text(json.dumps(content))
    return [str(image), str(keypoints)]


@pytest.fixture
def register(forks: Forks) -> Register:
    """A function that runs the executable with some arguments."""
    return lambda *words: forks.run([ROOT / "scripts" / "register", *words], dds.SECONDS)


def test_a_photograph_is_registered(start: Start, register: Register, files: list[str]) -> None:
    bench = start()
    finished = register(*files, "--wait", "60")
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout == "mug version 1: 4 keypoints, 1 shot; its shape has 3 keypoints\n"
    mug = bench.node.server.categories["mug"]
    assert to_mapping(mug.frames, NAMES) == FRAMES
    assert mug.shape.known.tolist() == [True, True, True, False]
    (shot,) = bench.node.server.categories["mug"].shots
    assert np.array_equal(shot.image, PIXELS)
    np.testing.assert_allclose(shot.keypoints, POINTS)
    again = register(*files, "--wait", "60")
    assert again.returncode == 1
    assert "registered already" in again.stderr
    assert register(*files, "--add", "--ros-args", "-r", "__node:=teacher").returncode == 0
    assert bench.state == ({"mug": 2}, 2)


def test_without_a_node_it_says_so(register: Register, files: list[str]) -> None:
    finished = register(*files, "--node", "/nobody", "--wait", "0.5")
    assert finished.returncode == 1
    assert "no node offers /nobody/register_category" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_a_ros_argument_that_cannot_be_is_named(register: Register, files: list[str]) -> None:
    finished = register(*files, "--ros-args", "-r", "__node:=a-b")
    assert finished.returncode == 1
    assert "register: Couldn't parse remap rule: '-r __node:=a-b'" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_pytorch_is_not_imported() -> None:
    program = (
        "import sys; import cape_ros.ros.register; "
        "print(*(name for name in ('torch', 'torchvision') if name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "\n"), done.stderr
