"""Which rclpy is used, and one sentence for each environment that cannot work."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import dds  # skips where there is no rclpy
import rclpy

from cape_ros.ros import MIDDLEWARE, middleware

ROOT = Path(__file__).resolve().parents[2]


def serve(before: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """`cape serve` in a process that first runs the program `before`."""
    program = f"{before}\nfrom cape_ros.cli import main; import sys; sys.exit(main())"
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])  # of a sourced ROS 2
    return subprocess.run(
        [sys.executable, "-c", program, "serve"],
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=dds.SECONDS,
    )


def refusal(run: subprocess.CompletedProcess[str]) -> str:
    assert "Traceback" not in run.stderr
    assert run.returncode == 1
    return run.stderr


def test_the_release_and_the_middleware_are_told() -> None:
    assert middleware.load() == MIDDLEWARE
    assert re.match(r"rclpy \d+\.\d+\.\d+ \(\w+\), rmw_\w+$", MIDDLEWARE)
    assert MIDDLEWARE.endswith(rclpy.get_rmw_implementation_identifier())


def test_ros_without_the_messages() -> None:
    text = refusal(serve("import sys; sys.modules['cape_ros.msg'] = None"))
    assert "colcon build" in text or "run `make`" in text


def test_an_environment_that_cannot_work() -> None:
    """tests/interfaces/test_environment.py has all of them."""
    assert "give a number from 0 to 232" in refusal(serve(ROS_DOMAIN_ID="233"))


def test_a_static_peer_that_cannot_be_resolved() -> None:
    said = refusal(serve(ROS_STATIC_PEERS="127.0.0.1;no-such-robot.invalid"))
    assert "'no-such-robot.invalid', which cannot be resolved" in said


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


def test_a_program_in_the_folder_above_a_checkout(tmp_path: Path) -> None:
    """There `import cape_ros` finds the checkout, whose own msg/ and srv/ must hide nothing."""
    (tmp_path / "cape_ros").symlink_to(ROOT)
    program = tmp_path / "listener.py"
    program.write_text(
        "import cape_ros.ros\nfrom cape_ros.msg import KeypointArray\n"
        "from cape_ros.srv import Estimate\nprint(KeypointArray.__name__)\n"
    )
    done = subprocess.run(
        [sys.executable, str(program)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.environ.get("PYTHONPATH", "")},
        capture_output=True,
        text=True,
        check=False,
        timeout=dds.SECONDS,
    )
    assert (done.stdout, done.returncode) == ("KeypointArray\n", 0), done.stderr
