"""Objects in space as messages."""

from __future__ import annotations

from dataclasses import replace

import dds  # before the message packages
import numpy as np

from cape_ros.perception.category import Category
from cape_ros.perception.objects import ObjectKeypoints
from cape_ros.perception.space import ObjectInSpace, Sight, SpaceEstimator
from cape_ros.perception.spatial import CameraModel
from cape_ros.ros.space_messages import frame_names

NAMES = tuple(dds.NAMES)
CUP = Category("cup", NAMES)
SIGHT = Sight(CameraModel(np.diag((100.0, 100.0, 1.0)), np.empty(0)), 0.0)


def in_space(*tracks_and_detections: tuple[int, str]) -> list[ObjectInSpace]:
    scores = np.ones(len(NAMES), np.float32)
    points = np.array(dds.POINTS, np.float32)
    found = ObjectKeypoints("cup", 1, (0, 0, 99, 99), points, scores, scores, NAMES)
    objects = [
        replace(found, track_id=track, detection_id=detection)
        for track, detection in tracks_and_detections
    ]
    return SpaceEstimator().estimate(objects, {"cup": CUP}, SIGHT)


def test_each_object_of_each_camera_has_a_name_of_its_own_in_tf() -> None:
    objects = in_space((4, ""), (-1, "7"), (-1, ""))
    assert frame_names("arm/", "", objects) == [
        "arm/cup_4",
        "arm/cup_detection_7",
        "arm/cup_object_2",
    ]
    left, right = (frame_names("", camera, objects[1:]) for camera in ("left", "right"))
    assert left == ["cup_left_detection_7", "cup_left_object_1"]
    assert not {*left} & {*right}
    assert frame_names("", "left", objects[:1]) == ["cup_4"]  # tracks are numbered over all cameras
