"""The executables where PyTorch, or another requirement, is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.library.library import CategoryLibrary

IMAGE = np.zeros((32, 32, 3), np.uint8)
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


def cape(*words: str, encoding: str = "utf-8", out: Path | None = None) -> tuple[int, str, str]:
    """The exit status of `cape WORDS`, and what it prints."""
    with open(out or os.devnull, "w") as file:
        ended = subprocess.run(
            [sys.executable, str(ROOT / "scripts" / "cape"), *words],
            stdout=file if out else subprocess.PIPE,
            stderr=subprocess.PIPE,
            check=False,
            env=os.environ | {"PYTHONIOENCODING": encoding},
        )
    return ended.returncode, (ended.stdout or b"").decode(), ended.stderr.decode()


def test_names_that_a_terminal_cannot_show_end_no_command(tmp_path: Path) -> None:
    """As over SSH without a locale, in cron, or in a container."""
    category = Category("cup", ["rim", "länge"], [], [SupportShot(IMAGE, [(8, 8), (24, 24)])])
    CategoryLibrary(tmp_path).put(category)
    status, printed, fault = cape("show", "cup", "--library", str(tmp_path), encoding="ascii")
    assert (status, fault) == (0, "")
    assert "rim, l\\xe4nge" in printed


def test_a_folder_that_was_deleted_is_one_sentence(tmp_path: Path) -> None:
    """As of a workspace that was built anew; Intel's MKL then ends the process for a library."""
    gone = tmp_path / "gone"
    gone.mkdir()
    command = f'cd "{gone}" && rmdir "{gone}" && exec "{sys.executable}" "$0" list'
    words = ["sh", "-c", command, str(ROOT / "scripts" / "cape")]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (
        1,
        "cape: the folder in which it is started was deleted; change into another one\n",
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_output_to_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    CategoryLibrary(tmp_path)
    printed = cape("list", "--library", str(tmp_path), out=Path("/dev/full"))
    assert printed == (1, "", "cape: No space left on device\n")
