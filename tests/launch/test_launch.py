"""The launch file with real processes: each file beside this one, by launch_testing's own runner.

Its plugin for pytest does not fit every release of pytest.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SECONDS = 600.0


@pytest.mark.skipif(
    importlib.util.find_spec("launch_testing") is None, reason="launch files need ROS 2"
)
@pytest.mark.parametrize("name", ["one_camera", "two_cameras"])
def test_launch(name: str) -> None:
    paths = [str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]
    ran = subprocess.run(
        [sys.executable, "-m", "launch_testing.launch_test", HERE / f"{name}.py"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
