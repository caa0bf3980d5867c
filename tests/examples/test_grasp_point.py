"""Keypoints, depth and a lens in; a grasp out, over DDS."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import dds  # before the message packages
import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped, Vector3Stamped
from grasp_point import GraspPoint
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, Image

from cape_ros.msg import Keypoint, KeypointArray, ObjectKeypoints

WIDTH, HEIGHT = 64, 48
PARAMETERS = {"category": "cup", "first_finger": "left", "second_finger": "right"}


class Camera:
    """What the robot's drivers and the node `cape` publish."""

    def __init__(self, robot: Any) -> None:
        self.keypoints = robot.create_publisher(KeypointArray, "cape/keypoints", 10)
        self.info = robot.create_publisher(CameraInfo, "camera_info", qos_profile_sensor_data)
        self.depth = robot.create_publisher(Image, "depth", qos_profile_sensor_data)
        for publisher in (self.keypoints, self.info, self.depth):
            dds.wait_for(publisher.get_subscription_count)

    def calibrate(self) -> None:
        lens = [50.0, 0.0, 32.0, 0.0, 50.0, 24.0, 0.0, 0.0, 1.0]
        self.info.publish(CameraInfo(width=WIDTH, height=HEIGHT, k=lens))

    def find(self, moment: int) -> Any:
        """The cup, left finger at (12, 24), the right one at (52, 24)."""
        points = [Keypoint(x=52.0, y=24.0, score=0.9), Keypoint(x=12.0, y=24.0, score=0.9)]
        found = ObjectKeypoints(category="cup", score=0.9, keypoints=points)
        found.keypoint_names = ["right", "left"]
        header = dds.image(moment).header
        self.keypoints.publish(KeypointArray(header=header, objects=[found]))
        return header

    def measure(self, moment: int, frame: str = "camera") -> None:
        """Everything is two metres away."""
        header = dds.image(moment).header
        header.frame_id = frame
        data = np.full((HEIGHT, WIDTH), 2000, "<u2").tobytes()
        self.depth.publish(
            Image(
                header=header,
                width=WIDTH,
                height=HEIGHT,
                encoding="16UC1",
                step=WIDTH * 2,
                data=data,
            )
        )


def test_a_grasp_in_pixels_and_in_metres(start: Callable[..., Any]) -> None:
    node, robot = start(GraspPoint, **PARAMETERS)
    inboxes = {}
    for name, kind in [("pose", PoseStamped), ("opening", Vector3Stamped)]:
        for topic in (name, f"{name}_2d"):
            inboxes[topic] = dds.Inbox()
            robot.create_subscription(kind, f"/grasp_point/{topic}", inboxes[topic], 10)
    for publisher in (*node._flat, *node._metric):
        dds.wait_for(publisher.get_subscription_count)
    camera = Camera(robot)
    camera.calibrate()
    dds.wait_for(lambda: node._info)

    header = camera.find(7)
    pose = inboxes["pose_2d"].wait()
    assert pose.header == header
    assert (pose.pose.position.x, pose.pose.position.y, pose.pose.position.z) == (32, 24, 0)
    assert pose.pose.orientation.w == pytest.approx(1)
    assert inboxes["opening_2d"].wait().vector.x == 40
    assert not inboxes["pose"].messages

    camera.measure(6)  # of another moment
    camera.measure(7)  # depth may come later than the keypoints
    pose = inboxes["pose"].wait()
    assert pose.header == header
    assert pose.pose.position.x == pytest.approx(0)
    assert pose.pose.position.z == pytest.approx(2)
    assert inboxes["opening"].wait().vector.x == pytest.approx(40 / 50 * 2)

    camera.measure(8)
    dds.wait_for(lambda: len(node._depths) == 3)
    camera.find(8)  # or before them
    assert inboxes["pose"].wait(lambda m: m.header.stamp.sec == 8)


def test_why_there_is_no_grasp_is_said(
    start: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    reasons: list[str] = []
    monkeypatch.setattr(GraspPoint, "_say", lambda self, reason: reasons.append(reason))
    node, robot = start(GraspPoint, **PARAMETERS)
    camera = Camera(robot)
    for act, reason in [
        (camera.calibrate, ""),
        (lambda: camera.keypoints.publish(KeypointArray()), "no cup in the image"),
        (lambda: (camera.measure(2, "other"), camera.find(2)), "its frame is 'other'"),
        (lambda: camera.find(3), ""),
        (lambda: camera.find(4), "no depth image of its moment"),
    ]:
        act()
        if reason:
            dds.wait_for(lambda reason=reason: any(reason in text for text in reasons))
        else:
            dds.wait_for(lambda: node._info)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"category": "''"}, "category"),
        ({"least_score": 0.0}, "least_score"),
        ({"slop": -1.0}, "slop"),
        ({"reliability": "certain"}, "reliability"),
    ],
)
def test_a_wrong_parameter_is_refused(
    start: Callable[..., Any], change: dict[str, Any], fault: str
) -> None:
    with pytest.raises(ValueError, match=fault):
        start(GraspPoint, **(PARAMETERS | change))


def test_the_angle_is_that_of_the_line_between_the_fingers() -> None:
    from grasp_geometry import grasp_between

    x, y, z, w = grasp_between(np.array([[10.0, 10, 0], [10, 30, 0]])).orientation
    assert (x, y) == (0, 0)
    assert 2 * math.atan2(z, w) == pytest.approx(math.pi / 2)
