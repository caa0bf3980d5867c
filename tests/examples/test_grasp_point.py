"""Objects in space in; a grasp out, over DDS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dds  # before the message packages
import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped
from grasp_point import GraspPoint

from cape_ros.msg import ObjectFrame, ObjectKeypoints3D, ObjectKeypoints3DArray

PARAMETERS = {"category": "cup", "distance": 0.1}


def cup(score: float = 0.9, **fields: Any) -> ObjectKeypoints3D:
    """Its frame `grasp` is half a metre away; its z points to the right."""
    frame = ObjectFrame(name="grasp", **fields)
    frame.pose.pose.position.z = 0.5
    frame.pose.pose.orientation.y = frame.pose.pose.orientation.w = np.sqrt(0.5)
    frame.pose.covariance = np.eye(6).ravel() * 0.004**2
    return ObjectKeypoints3D(category="cup", score=score, frames=[frame])


def test_the_frame_of_the_best_object_and_the_place_before_it(start: Callable[..., Any]) -> None:
    _, robot = start(GraspPoint, **PARAMETERS)
    publisher = robot.create_publisher(ObjectKeypoints3DArray, "cape/keypoints_3d", 10)
    heard = {name: dds.Inbox() for name in ("pose", "before")}
    for name, inbox in heard.items():
        robot.create_subscription(PoseStamped, f"/grasp_point/{name}", inbox, 10)
    dds.wait_for(lambda: robot.count_publishers("/grasp_point/before"))
    dds.wait_for(publisher.get_subscription_count)
    header = dds.image(7).header
    other = cup(0.5)
    other.frames[0].pose.pose.position.z = 3.0
    message = ObjectKeypoints3DArray(header=header, objects=[other, cup()])
    dds.wait_for(lambda: publisher.publish(message) or heard["pose"].messages)
    grasp, before = heard["pose"].wait(), heard["before"].wait()
    assert grasp.header == before.header == header
    assert grasp.pose == cup().frames[0].pose.pose
    place = before.pose.position
    np.testing.assert_allclose((place.x, place.y, place.z), (-0.1, 0, 0.5), atol=1e-9)


def test_why_there_is_no_grasp_is_said(
    start: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    reasons: list[str] = []
    monkeypatch.setattr(GraspPoint, "_say", lambda self, reason: reasons.append(reason))
    _, robot = start(GraspPoint, **PARAMETERS)
    publisher = robot.create_publisher(ObjectKeypoints3DArray, "cape/keypoints_3d", 10)
    dds.wait_for(publisher.get_subscription_count)
    vague = cup()
    vague.frames[0].pose.covariance = np.eye(6).ravel() * 0.03**2
    for objects, reason in (
        ([], "no cup in the image"),
        ([ObjectKeypoints3D(category="cup")], "no frame 'grasp' (known: none)"),
        ([cup(refusal="keypoint 'rim' has no depth")], "grasp: keypoint 'rim' has no depth"),
        ([vague], "known to 30 mm only"),
    ):
        publisher.publish(ObjectKeypoints3DArray(objects=objects))
        dds.wait_for(lambda reason=reason: any(reason in text for text in reasons))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"category": "''"}, "category"),
        ({"largest_deviation": 0.0}, "largest_deviation"),
        ({"distance": -1.0}, "distance"),
    ],
)
def test_a_wrong_parameter_is_refused(
    start: Callable[..., Any], change: dict[str, Any], fault: str
) -> None:
    with pytest.raises(ValueError, match=fault):
        start(GraspPoint, **(PARAMETERS | change))
