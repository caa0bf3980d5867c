"""Converts between vision_msgs/Detection2DArray and boxes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from cape_ros.core.errors import Fault
from cape_ros.perception.geometry import Box, box_faults
from cape_ros.perception.objects import ObjectKeypoints, ObjectRequest
from cape_ros.ros.compat import vision_msgs

MOST_DETECTIONS = 64  # per image that are processed: two batches


def class_map(pairs: Sequence[str]) -> dict[str, str]:
    """`class:category` texts as class to category."""
    return {
        class_id: category
        for class_id, _, category in (pair.rpartition(":") for pair in filter(None, pairs))
    }


def to_requests(
    detections: Any,
    classes: Mapping[str, str],
    registered: Callable[[str], bool],
    active: Callable[[str], bool],
    size: tuple[int, int],
) -> tuple[list[ObjectRequest], list[Fault]]:
    """The requests of the usable detections, and what is wrong with the others.

    size: (width, height) of their image. A detection of a category that is registered, but not
    active, is left out without a word.
    """
    requests: list[ObjectRequest] = []
    faults: list[Fault] = []
    for index, detection in enumerate(detections.detections):
        field = f"detections[{index}]"
        if len(requests) == MOST_DETECTIONS:
            reason = f"only the first {MOST_DETECTIONS} of {len(detections.detections)} count"
            faults.append(Fault("detections", reason))
            break
        category = _category(detection, classes, registered)
        if category is None:
            names = [result.hypothesis.class_id for result in detection.results]
            reason = f"no category is registered for {', '.join(map(repr, names)) or 'no class'}"
            faults.append(Fault(f"{field}.class_id", reason))
            continue
        box = to_box(detection.bbox)
        if wrong := box_faults(box, *size, field=f"{field}.bbox"):
            faults += wrong
        elif active(category):
            requests.append(ObjectRequest(category, box, detection.id))
    return requests, faults


def to_box(bbox: Any) -> Box:
    """The axis-aligned box around a vision_msgs/BoundingBox2D, which may be rotated."""
    center = getattr(bbox.center, "position", bbox.center)  # a geometry_msgs/Pose2D of old
    angle = bbox.center.theta
    if math.isfinite(angle):  # else a NaN, which the check of the box finds
        cos, sin = abs(math.cos(angle)), abs(math.sin(angle))
        width = bbox.size_x * cos + bbox.size_y * sin
        height = bbox.size_x * sin + bbox.size_y * cos
    else:
        width = height = math.nan
    return center.x - width / 2, center.y - height / 2, width, height


def to_detections(objects: Sequence[ObjectKeypoints], header: Any, trusted: float) -> Any:
    """A Detection2DArray: the hull of the trusted keypoints of each object that has some.

    id: the object's track, else that of the detection whose box it was found in.
    """
    return vision_msgs.Detection2DArray(
        header=header,
        detections=[
            _detection(one, header, one.keypoints[one.scores >= trusted])
            for one in objects
            if (one.scores >= max(trusted, 1e-6)).any()
        ],
    )


def _category(
    detection: Any, classes: Mapping[str, str], registered: Callable[[str], bool]
) -> str | None:
    """The registered category of its likeliest hypothesis that has one."""
    likeliest = sorted(detection.results, key=lambda result: -result.hypothesis.score)
    for result in likeliest:
        class_id: str = result.hypothesis.class_id
        if registered(category := classes.get(class_id, class_id)):
            return category
    return None


def _detection(one: ObjectKeypoints, header: Any, points: np.ndarray) -> Any:
    low, high = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    hypothesis = vision_msgs.ObjectHypothesisWithPose()
    hypothesis.hypothesis.class_id = one.category
    hypothesis.hypothesis.score = one.score
    detection = vision_msgs.Detection2D(header=header, results=[hypothesis])
    detection.id = one.detection_id
    if one.track_id >= 0:
        detection.id = str(one.track_id)
    detection.bbox.center.position.x = (low[0] + high[0]) / 2
    detection.bbox.center.position.y = (low[1] + high[1]) / 2
    detection.bbox.size_x = high[0] - low[0]
    detection.bbox.size_y = high[1] - low[1]
    return detection
