"""The executables where PyTorch, or another requirement, is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLIND = """
import runpy, sys
from absent import hide
hide(sys.argv.pop(1).split(","))
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def start(program: str, hidden: str, *words: str) -> tuple[int, str]:
    folders = [str(ROOT), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")]
    ended = subprocess.run(
        [sys.executable, "-c", BLIND, hidden, str(ROOT / "scripts" / program), *words],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(folders)},
    )
    return ended.returncode, ended.stderr


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("cape_node", ()),
        ("cape", ("lab", "evaluate-video", "shipped", "film.avi")),
    ],
)
def test_without_pytorch_it_says_what_to_install(program: str, words: tuple[str, ...]) -> None:
    if program != "cape":
        pytest.importorskip("rclpy", reason="needs rclpy: a sourced ROS 2, or `make`")
    status, printed = start(program, "torch,torchvision,safetensors", *words)
    assert status == 1
    (line,) = printed.splitlines()
    assert line.startswith(f"{program}: torch, torchvision, safetensors cannot be imported by ")
    assert "pip install 'torch>=2.4'" in line


@pytest.mark.parametrize("program", ["cape", "cape_node", "register"])
def test_without_anything_it_says_so_in_one_line(program: str) -> None:
    status, printed = start(program, "torch,rclpy,typer,cv2,numpy")
    assert status == 1
    (line,) = printed.splitlines()
    assert line.startswith(f"{program}: ")
    assert "rclpy" in line or "typer" in line
