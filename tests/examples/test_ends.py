"""The examples as processes of their own: how they end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import dds
import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
MISSED = """
import os, runpy, sys, threading
import rclpy

spin = rclpy.spin

def spin_and_miss_a_signal(node):
    # A signal may wake the executor before it ends the context: then the executor waits again.
    threading.Timer(0.5, rclpy.get_default_context().handle.shutdown).start()
    spin(node)

rclpy.spin = spin_and_miss_a_signal
sys.argv.pop(0)
sys.path.insert(0, os.path.dirname(sys.argv[0]))
runpy.run_path(sys.argv[0], run_name="__main__")
"""
CUP = {"category": "cup"}


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("follow_object", CUP), ("grasp_point", CUP), ("record_mcap", {}), ("smooth_keypoints", {})],
)
def test_an_idle_example_ends_though_its_executor_missed_the_signal(
    name: str, parameters: dict[str, str], tmp_path: Path
) -> None:
    words = [word for item in parameters.items() for word in ("-p", ":=".join(item))]
    ended = subprocess.run(
        [sys.executable, "-c", MISSED, EXAMPLES / f"{name}.py", "--ros-args", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=dds.SECONDS,
    )
    assert "Traceback" not in ended.stderr
    assert ended.returncode == 0
