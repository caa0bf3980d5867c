from __future__ import annotations

import subprocess
import sys

import dds  # noqa: F401
import rclpy

from cape_ros.ros import MIDDLEWARE, middleware


def test_what_import_rclpy_means_is_told_also_the_second_time() -> None:
    assert middleware.load() == MIDDLEWARE
    assert MIDDLEWARE.startswith("rclpy of" if rclpy.__name__ == "rclpy" else "cape_ros.wire")


def test_ros_without_the_messages_is_said_in_one_sentence() -> None:
    """A sourced ROS 2, as Python sees it, and a workspace that was not built."""
    sourced = "import sys; sys.modules |= {'rclpy': type(sys)('rclpy'), 'cape_ros.msg': None}"
    run = subprocess.run(
        [sys.executable, "-c", f"{sourced}; from cape_ros.cli import main; main()", "serve"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "colcon build" in run.stderr
    assert "Traceback" not in run.stderr
