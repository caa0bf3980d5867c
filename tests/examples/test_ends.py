"""The examples as processes of their own: how they end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import dds
import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
RUN = """
import os, runpy, sys, threading
import rclpy

spin = rclpy.spin

def end_context():
    rclpy.get_default_context().handle.shutdown()

{}

rclpy.spin = spin_until_signal
sys.argv.pop(0)
sys.path.insert(0, os.path.dirname(sys.argv[0]))
runpy.run_path(sys.argv[0], run_name="__main__")
"""
SIGNALS = {
    # A signal may wake the executor before it ends the context: then the executor waits again.
    "missed": """
def spin_until_signal(node):
    threading.Timer(0.5, end_context).start()
    spin(node)
""",
    # It may end the context while the executor makes what it is going to wait for.
    "between two waits": """
def spin_until_signal(node):
    end_context()
    node.create_timer(1.0, print)
""",
}
CUP = {"category": "cup"}


@pytest.mark.parametrize("moment", SIGNALS)
@pytest.mark.parametrize(
    ("name", "parameters"),
    [("follow_object", CUP), ("grasp_point", CUP), ("record_mcap", {}), ("smooth_keypoints", {})],
)
def test_a_signal_at_any_moment_ends_an_example(
    name: str, parameters: dict[str, str], moment: str, tmp_path: Path
) -> None:
    words = [word for item in parameters.items() for word in ("-p", ":=".join(item))]
    ended = subprocess.run(
        [
            sys.executable,
            "-c",
            RUN.format(SIGNALS[moment]),
            EXAMPLES / f"{name}.py",
            "--ros-args",
            *words,
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=dds.SECONDS,
    )
    assert "Traceback" not in ended.stderr
    assert ended.returncode == 0
