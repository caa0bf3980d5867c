"""Objects in space as messages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from geometry_msgs.msg import (
    Point,
    PoseStamped,
    PoseWithCovariance,
    Quaternion,
    TransformStamped,
    Vector3,
)
from geometry_msgs.msg import Pose as PoseMessage
from sensor_msgs.msg import PointCloud2, PointField

from cape_ros.msg import Keypoint3D, ObjectFrame, ObjectKeypoints3D, ObjectKeypoints3DArray
from cape_ros.perception.space import ObjectInSpace
from cape_ros.perception.spatial import Pose
from cape_ros.ros.compat import vision_msgs
from cape_ros.ros.conversions import octets

COLUMNS = {
    **dict.fromkeys(("x", "y", "z", "score"), PointField.FLOAT32),
    **dict.fromkeys(("object", "keypoint"), PointField.UINT32),
}
CLOUD = np.dtype(
    [(name, "<f4" if kind == PointField.FLOAT32 else "<u4") for name, kind in COLUMNS.items()]
)


def frame_names(prefix: str, camera: str, objects: Sequence[ObjectInSpace]) -> list[str]:
    """The names in TF of the objects' frames: of the category and the track, or of its detection or
    its place in the result where it has no track.

    camera: its name; only tracks are numbered over all cameras.
    """
    start = re.sub(r"[^A-Za-z0-9_/]", "_", prefix).lstrip("/")
    return [
        f"{start}{_valid(one.found.category)}_{_valid(_which(number, one, camera))}"
        for number, one in enumerate(objects)
    ]


def _which(number: int, one: ObjectInSpace, camera: str) -> str:
    if one.found.track_id >= 0:
        return str(one.found.track_id)
    detection = one.found.detection_id
    which = f"detection_{detection}" if detection else f"object_{number}"
    return f"{camera}_{which}" if camera else which


def _valid(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]", "_", text)


def to_keypoints_3d_array(
    objects: Sequence[ObjectInSpace], names: Sequence[str], header: Any
) -> ObjectKeypoints3DArray:
    """names: of `frame_names`."""
    made = [_object(one, name) for one, name in zip(objects, names, strict=True)]
    return ObjectKeypoints3DArray(header=header, objects=made)


def _object(one: ObjectInSpace, name: str) -> ObjectKeypoints3D:
    found = one.found
    states, scores = one.lifted.states.tolist(), found.scores.tolist()
    covariances = np.ascontiguousarray(one.covariances).reshape(-1, 9)
    return ObjectKeypoints3D(
        category=found.category,
        category_version=found.category_version,
        track_id=found.track_id,
        score=found.score,
        predicted=found.predicted,
        keypoints=[
            Keypoint3D(
                name=keypoint,
                position=Point(x=x, y=y, z=z),
                covariance=covariances[at],
                score=scores[at],
                state=states[at],
            )
            for at, (keypoint, (x, y, z)) in enumerate(
                zip(found.keypoint_names, one.points.tolist(), strict=True)
            )
        ],
        child_frame_id=name,
        pose=_with_covariance(one.pose),
        refusal=one.refusal,
        frames=[
            ObjectFrame(
                name=frame.name,
                child_frame_id=f"{name}/{frame.name}",
                pose=_with_covariance(frame.pose),
                refusal=frame.reason,
            )
            for frame in one.frames
        ],
    )


def _pose(pose: Pose) -> PoseMessage:
    x, y, z = pose.translation.tolist()
    qx, qy, qz, qw = pose.quaternion.tolist()
    return PoseMessage(
        position=Point(x=x, y=y, z=z), orientation=Quaternion(x=qx, y=qy, z=qz, w=qw)
    )


def _with_covariance(pose: Pose | None) -> PoseWithCovariance:
    if pose is None:
        return PoseWithCovariance()
    return PoseWithCovariance(
        pose=_pose(pose), covariance=np.ascontiguousarray(pose.covariance).ravel()
    )


def to_detections_3d(objects: Sequence[ObjectInSpace], header: Any) -> Any:
    """A Detection3DArray of the objects that have a pose; the box is that of the shape."""
    return vision_msgs.Detection3DArray(
        header=header,
        detections=[_detection(one, header, one.pose) for one in objects if one.pose is not None],
    )


def _detection(one: ObjectInSpace, header: Any, pose: Pose) -> Any:
    assert one.shape is not None
    known = one.shape.points[one.shape.known]
    low, high = known.min(axis=0), known.max(axis=0)
    hypothesis = vision_msgs.ObjectHypothesisWithPose(pose=_with_covariance(pose))
    hypothesis.hypothesis.class_id = one.found.category
    hypothesis.hypothesis.score = one.found.score
    detection = vision_msgs.Detection3D(header=header, results=[hypothesis])
    track = one.found.track_id
    detection.id = str(track) if track >= 0 else one.found.detection_id
    middle = pose.apply((low + high) / 2)
    detection.bbox.center = _pose(Pose(pose.rotation, middle, pose.covariance))
    x, y, z = (high - low).tolist()
    detection.bbox.size = Vector3(x=x, y=y, z=z)
    return detection


def to_frames(objects: Sequence[ObjectInSpace], header: Any) -> Iterator[PoseStamped]:
    """The named frames that have a pose, object by object."""
    for one in objects:
        for frame in one.frames:
            if frame.pose is not None:
                yield PoseStamped(header=header, pose=_pose(frame.pose))


def to_transforms(
    objects: Sequence[ObjectInSpace], names: Sequence[str], header: Any
) -> list[TransformStamped]:
    """Of each object that the image shows, and of its named frames; names: of `frame_names`."""
    return [
        _transform(pose, header, name)
        for one, object_name in zip(objects, names, strict=True)
        if not one.found.predicted
        for name, pose in (
            (object_name, one.pose),
            *((f"{object_name}/{frame.name}", frame.pose) for frame in one.frames),
        )
        if pose is not None
    ]


def _transform(pose: Pose, header: Any, child: str) -> TransformStamped:
    made = TransformStamped(header=header, child_frame_id=child)
    message = _pose(pose)
    place = message.position
    made.transform.translation = Vector3(x=place.x, y=place.y, z=place.z)
    made.transform.rotation = message.orientation
    return made


def to_cloud(objects: Sequence[ObjectInSpace], header: Any) -> PointCloud2:
    """The measured keypoints: x, y, z, their score, and the indices of object and keypoint."""
    points = [np.empty(0, CLOUD)]
    for number, one in enumerate(objects):
        seen = np.flatnonzero(one.lifted.measured)
        part = np.zeros(len(seen), CLOUD)
        for axis, values in zip("xyz", one.points[seen].T, strict=True):
            part[axis] = values
        part["score"], part["object"], part["keypoint"] = one.found.scores[seen], number, seen
        points.append(part)
    cloud = np.concatenate(points)
    return PointCloud2(
        header=header,
        height=1,
        width=len(cloud),
        fields=[
            PointField(name=name, offset=4 * at, datatype=kind, count=1)
            for at, (name, kind) in enumerate(COLUMNS.items())
        ],
        is_bigendian=False,
        point_step=CLOUD.itemsize,
        row_step=CLOUD.itemsize * len(cloud),
        data=octets(cloud.view(np.uint8)),
        is_dense=True,
    )
