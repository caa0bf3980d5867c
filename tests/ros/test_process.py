"""The node as a process of its own: how it starts, and how it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import dds  # before the message packages
import pytest
import rclpy

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., subprocess.Popen]


@pytest.fixture
def run(weights: Path, tmp_path: Path) -> Iterator[Run]:
    """A function that starts the executable with some arguments for ROS."""
    with ExitStack() as ends:

        def begin(*arguments: str) -> subprocess.Popen:
            words = ["-p", f"weights:={weights}", "-p", "device:=cpu"]
            words += ["-p", f"library:={tmp_path}", "-p", "image_reliability:=reliable"]
            process = subprocess.Popen(
                [sys.executable, ROOT / "scripts" / "cape_node", "--ros-args", *words, *arguments],
                cwd=ROOT,
                stderr=subprocess.PIPE,
                text=True,
            )
            ends.enter_context(process)
            ends.callback(process.kill)
            return process

        yield begin


@pytest.fixture
def robot() -> Iterator[dds.Robot]:
    rclpy.init(args=[])
    spinner = dds.Spinner(robot := dds.Robot())
    yield robot
    spinner.stop()
    rclpy.try_shutdown()


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_the_main_job_in_two_processes(run: Run, robot: dds.Robot, stop: int) -> None:
    node = run()
    assert robot.register().success
    assert [c.name for c in robot.categories.wait(lambda m: m.categories).categories] == ["cup"]
    dds.wait_for(robot.camera.get_subscription_count)
    message, found = robot.show()
    assert found.header == message.header
    assert [cup.category_version for cup in found.objects] == [1]
    node.send_signal(stop)
    if stop == signal.SIGINT:
        node.send_signal(stop)  # as to a process in the group of `ros2 launch`
    _, said = node.communicate(timeout=dds.SECONDS)
    assert "Traceback" not in said
    assert node.returncode == 0


def test_a_start_that_fails_says_why_in_one_line(run: Run) -> None:
    _, said = (node := run("-p", "trusted_point:=7.0")).communicate(timeout=dds.SECONDS)
    assert node.returncode == 1
    (line,) = [line for line in said.splitlines() if line.startswith("cape_node: ")]
    assert "trusted_point" in line
    assert "7.0" in line
    assert "Traceback" not in said
