"""Two cameras, a namespace, and a life cycle that another process drives."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path
from typing import Any

import launch_testing
import launch_testing.asserts
from conversation import Conversation, launched, write_parameters
from launch import LaunchDescription
from lifecycle_msgs.msg import Transition


def generate_test_description() -> LaunchDescription:
    folder = Path(tempfile.mkdtemp())
    arguments = {
        "cameras": "left,right",
        "image": "/rig/{camera}/image_raw",
        "namespace": "robot",
        "autostart": "false",
        "params_file": write_parameters(folder),
    }
    return launched(arguments)


class TestNode(unittest.TestCase):
    def setUp(self) -> None:
        self.robot = Conversation("/robot/cape")

    def tearDown(self) -> None:
        self.robot.end()

    def test_configure_activate_estimate_deactivate_and_clean_up(self) -> None:
        assert self.robot.state() == "unconfigured"
        assert self.robot.transition(Transition.TRANSITION_CONFIGURE)
        assert self.robot.register().success
        assert self.robot.transition(Transition.TRANSITION_ACTIVATE)
        for camera in ("left", "right"):
            found = self.robot.show(f"/rig/{camera}/image_raw", f"/robot/cape/{camera}/keypoints")
            assert [one.category for one in found.objects] == ["cup"]
        assert self.robot.transition(Transition.TRANSITION_DEACTIVATE)
        assert self.robot.transition(Transition.TRANSITION_CLEANUP)
        assert self.robot.state() == "unconfigured"


@launch_testing.post_shutdown_test()
class TestEnd(unittest.TestCase):
    def test_the_exit_status(self, proc_info: Any) -> None:
        launch_testing.asserts.assertExitCodes(proc_info)
