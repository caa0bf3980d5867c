"""Which rclpy is used, and one sentence for each environment that cannot work."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import dds  # skips where there is no rclpy
import pytest
import rclpy

from cape_ros.ros import MIDDLEWARE, middleware

ROOT = Path(__file__).resolve().parents[2]


def serve(before: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """`cape serve` in a process that first runs the program `before`."""
    program = f"{before}\nfrom cape_ros.cli import main; import sys; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", program, "serve"],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=dds.SECONDS,
    )


def refusal(run: subprocess.CompletedProcess[str]) -> str:
    assert "Traceback" not in run.stderr
    assert run.returncode == 1
    return run.stderr


def prefix(folder: Path, python: str) -> Path:
    """A ROS 2 installation as far as its folders tell."""
    (folder / "share" / "rclpy").mkdir(parents=True)
    (folder / "lib" / f"python{python}").mkdir(parents=True)
    return folder


def test_the_release_and_the_middleware_are_told() -> None:
    assert middleware.load() == MIDDLEWARE
    assert re.match(r"rclpy \d+\.\d+\.\d+ \(\w+\), rmw_\w+$", MIDDLEWARE)
    assert MIDDLEWARE.endswith(rclpy.get_rmw_implementation_identifier())


def test_ros_without_the_messages() -> None:
    said = refusal(serve("import sys; sys.modules['cape_ros.msg'] = None"))
    assert "colcon build" in said or "run `make`" in said


def test_a_sourced_ros_of_another_python(tmp_path: Path) -> None:
    hidden = "import cape_ros.interfaces.environment as e; from pathlib import Path\n"
    hidden += f"e.here = lambda: Path({str(tmp_path / 'venv')!r})"
    other = prefix(tmp_path / "ros", "3.8")
    said = refusal(serve(hidden, AMENT_PREFIX_PATH=str(other)))
    assert "is for Python 3.8" in said
    assert str(other) in said


def test_two_installations_at_once(tmp_path: Path) -> None:
    """The environment's own rclpy, and one that is sourced."""
    venv, other = prefix(tmp_path / "venv", "3"), prefix(tmp_path / "ros", "3")
    hidden = "import cape_ros.interfaces.environment as e; from pathlib import Path\n"
    hidden += f"e.here = lambda: Path({str(venv)!r})"
    said = refusal(serve(hidden, AMENT_PREFIX_PATH=str(other)))
    assert "two ROS 2 at once" in said


@pytest.mark.parametrize("domain", ["233", "-1", "one"])
def test_a_domain_that_cannot_be(domain: str) -> None:
    assert "give a number from 0 to 232" in refusal(serve(ROS_DOMAIN_ID=domain))


CHANGED_DEFINITION = """
import shutil, tempfile
from pathlib import Path
from cape_ros.interfaces import packages
changed = Path(tempfile.mkdtemp())
shutil.copytree(packages.own_definitions() / "msg", changed / "msg")
(changed / "msg" / "Keypoint.msg").write_text("float32 x")
packages.own_definitions = lambda: changed
"""


def test_messages_of_another_checkout() -> None:
    assert "Keypoint.msg differs; run `make`" in refusal(serve(CHANGED_DEFINITION))
