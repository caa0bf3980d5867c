"""`ros2 launch cape_ros cape.launch.py`: up, configured and active; and it ends well."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path
from typing import Any

import launch_testing
import launch_testing.asserts
from conversation import Conversation, launched, write_parameters
from launch import LaunchDescription

CHOSEN = {
    "image_reliability": "reliable",
    "image_transport": "raw",
    "device": "cpu",
    "weights": "shipped",
}


def generate_test_description() -> LaunchDescription:
    folder = Path(tempfile.mkdtemp())
    # The arguments count more than the file.
    other = {"image_reliability": "best_effort", "image_transport": "compressed", "device": None}
    arguments = {
        "image": "/camera/image_raw",
        "params_file": write_parameters(folder, **other, weights="absent"),
        **CHOSEN,
    }
    return launched(arguments)


class TestNode(unittest.TestCase):
    def setUp(self) -> None:
        self.robot = Conversation("/cape")

    def tearDown(self) -> None:
        self.robot.end()

    def test_the_main_job(self) -> None:
        assert self.robot.state() == "active"
        assert self.robot.values(*CHOSEN) == list(CHOSEN.values())
        answer = self.robot.register()
        assert answer.success, answer.message
        found = self.robot.show("/camera/image_raw", "/cape/keypoints")
        assert found.header.frame_id == "camera"
        assert [one.category for one in found.objects] == ["cup"]


@launch_testing.post_shutdown_test()
class TestEnd(unittest.TestCase):
    def test_the_exit_status(self, proc_info: Any) -> None:
        launch_testing.asserts.assertExitCodes(proc_info)
