from __future__ import annotations

import array
import re

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import PoseWithCovariance, Quaternion
from rcl_interfaces.srv import ListParameters
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header, String
from vision_msgs.msg import (
    BoundingBox2D,
    Detection2D,
    Detection2DArray,
    ObjectHypothesis,
    ObjectHypothesisWithPose,
    Point2D,
    Pose2D,
)
from visualization_msgs.msg import Marker, MarkerArray

from cape_ros.msg import (
    Category,
    CategoryArray,
    Keypoint,
    KeypointArray,
    ObjectKeypoints,
    SupportShot,
)
from cape_ros.srv import (
    ActivateCategories,
    Estimate,
    GetCategory,
    ListCategories,
    RegisterCategory,
    RemoveCategory,
)
from cape_ros.wire.cdr import from_cdr, to_cdr
from cape_ros.wire.interfaces import type_hash


def test_fields_of_the_messages_are_as_promised():
    assert list(Keypoint.get_fields_and_field_types().items()) == [
        ("x", "float"),
        ("y", "float"),
        ("score", "float"),
        ("visibility", "uint8"),
    ]
    assert ObjectKeypoints.get_fields_and_field_types() == {
        "category": "string",
        "category_version": "uint32",
        "track_id": "int32",
        "box": "sensor_msgs/RegionOfInterest",
        "score": "float",
        "keypoints": "sequence<cape_ros/Keypoint>",
    }
    assert CategoryArray.get_fields_and_field_types() == {
        "header": "std_msgs/Header",
        "database_version": "uint32",
        "categories": "sequence<cape_ros/Category>",
    }
    assert RegisterCategory.Request.get_fields_and_field_types() == {
        "name": "string",
        "mode": "uint8",
        "keypoint_names": "sequence<string>",
        "edges": "sequence<uint16>",
        "shots": "sequence<cape_ros/SupportShot>",
    }
    assert list(RemoveCategory.Response.get_fields_and_field_types()) == ["success", "message"]


def test_constants():
    assert (Keypoint.UNKNOWN, Keypoint.OCCLUDED, Keypoint.VISIBLE) == (0, 1, 2)
    request = RegisterCategory.Request
    assert (request.CREATE, request.REPLACE, request.ADD_SHOTS) == (0, 1, 2)
    assert DiagnosticStatus.WARN == b"\x01"  # a byte, as in rclpy


def test_defaults():
    image = Image()
    assert (image.width, image.encoding, image.header) == (0, "", Header())
    assert len(image.data) == 0
    assert not image.data
    assert KeypointArray().objects == []
    assert Quaternion().w == 1.0
    assert PoseWithCovariance().covariance.shape == (36,)


def test_each_message_has_defaults_of_its_own():
    one, other = KeypointArray(), KeypointArray()
    one.objects.append(ObjectKeypoints())
    one.header.frame_id = "camera"
    assert other.objects == []
    assert other.header.frame_id == ""


@pytest.mark.parametrize(
    "data",
    [
        b"\x01\x02\x03",
        bytearray(b"\x01\x02\x03"),
        array.array("B", [1, 2, 3]),
        np.array([1, 2, 3], np.uint8),
        np.array([[1], [2], [3]], np.uint8),
        [1, 2, 3],
    ],
    ids=lambda data: type(data).__name__,
)
def test_octets_are_taken_from_anything_with_bytes(data):
    assert bytes(CompressedImage(data=data).data) == b"\x01\x02\x03"


def test_pixels_are_not_copied():
    pixels = np.zeros((480, 640, 3), np.uint8)
    assert np.shares_memory(Image(data=pixels).data, pixels)
    octets = array.array("B", bytes(12))
    assert np.shares_memory(Image(data=octets).data, np.frombuffer(octets, np.uint8))


def test_sequences_of_numbers_are_arrays_that_grow():
    request = RegisterCategory.Request(edges=[0, 1])
    request.edges.append(2)
    request.edges.extend([3])
    assert isinstance(request.edges, array.array)
    assert list(request.edges) == [0, 1, 2, 3]


def test_lists_are_kept_not_copied():
    objects: list[ObjectKeypoints] = []
    message = KeypointArray(objects=objects)
    objects.append(ObjectKeypoints(category="cup"))
    assert message.objects[0].category == "cup"


@pytest.mark.parametrize(
    ("cls", "field", "value"),
    [
        (Image, "height", 1.5),
        (Image, "encoding", b"rgb8"),
        (Image, "header", String()),
        (Image, "data", [256]),
        (Image, "data", np.zeros(3, np.float32)),
        (KeypointArray, "objects", [Keypoint()]),
        (RegisterCategory.Request, "keypoint_names", [1]),
        (RegisterCategory.Request, "edges", [-1]),
        (PoseWithCovariance, "covariance", [0.0] * 35),
        (DiagnosticStatus, "level", b"12"),
    ],
)
def test_a_wrong_value_is_refused_where_it_is_assigned(cls, field, value):
    message, before = cls(), cls()
    with pytest.raises((TypeError, ValueError), match=re.escape(f".{field}: ")):
        setattr(message, field, value)
    assert message == before
    with pytest.raises((TypeError, ValueError)):
        cls(**{field: value})


def test_a_field_that_does_not_exist_is_refused():
    with pytest.raises(AttributeError, match="scores"):
        Keypoint(scores=1.0)
    with pytest.raises(AttributeError):
        Keypoint().scores = 1.0


def test_equality_and_text():
    point = Keypoint(x=1, y=2.5, score=np.float32(0.5), visibility=Keypoint.VISIBLE)
    assert point == Keypoint(x=1.0, y=2.5, score=0.5, visibility=2)
    assert point != Keypoint(x=1.0, y=2.5, score=0.5)
    assert point != "point"
    assert repr(point) == "cape_ros.msg.Keypoint(x=1.0, y=2.5, score=0.5, visibility=2)"


def test_services_have_requests_and_responses():
    assert ListParameters.Request(prefixes=["a"]).depth == ListParameters.Request.DEPTH_RECURSIVE
    assert ListParameters.Response().result.names == []


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        # As `ros2 topic info -v` prints them on Jazzy.
        (
            "std_msgs/msg/String",
            "df668c740482bbd48fb39d76a70dfd4bd59db1288021743503259e948f6b1a18",
        ),
        (
            "sensor_msgs/msg/Image",
            "d31d41a9a4c4bc8eae9be757b0beed306564f7526c88ea6a4588fb9582527d47",
        ),
        # As rosidl writes them into the code that it generates.
        (
            "vision_msgs/msg/Pose2D",
            "b0b5d1d7b4c20dd4fcde3ed1d4b289a919290572007d67a97043814db25d3648",
        ),
        (
            "vision_msgs/msg/BoundingBox2D",
            "008eacbb0cf8f26e83795547bed013eec3675485ef386ec056d80eaaf1c1ce2f",
        ),
        (
            "vision_msgs/msg/ObjectHypothesisWithPose",
            "41c12344c0396c48b81df12467c192d99b2a0eb1463c5c37194e4223251c80bc",
        ),
        (
            "lifecycle_msgs/srv/ChangeState_Request",
            "d74c6f524e14cade7b67e7297190360ed749264af300524fc1456f27cc2a553a",
        ),
        (
            "lifecycle_msgs/srv/GetAvailableStates_Request",  # without fields
            "c2c0c12de6023822f284929577d4ca2862e0501150010966e8a90b632e4424de",
        ),
        (
            "lifecycle_msgs/srv/GetAvailableStates_Response",
            "223e0dd5bb8a847ebb9532adaf8b5e2a97e6e68e79faeaabd81a45fb32925bd1",
        ),
        (
            "sensor_msgs/srv/SetCameraInfo_Request",
            "27dc5497730fdb6930e66cb879c210e31a83022acc5bbc999f24f55286029f87",
        ),
    ],
)
def test_type_hashes_are_those_of_ros(name, digest):
    assert type_hash(name) == f"RIHS01_{digest}"


def test_messages_in_the_response_of_a_service_arrive():
    category = Category(name="cup", keypoint_names=["rim", "handle"], edges=[0, 1])
    shot = SupportShot(compressed=CompressedImage(data=b"png"), keypoints=[Keypoint(x=1.5)])
    for sent in (
        GetCategory.Response(success=True, category=category, shots=[shot, shot]),
        ListCategories.Response(database_version=3, categories=[category]),
        Estimate.Response(keypoints=KeypointArray(objects=[ObjectKeypoints(category="cup")])),
        ActivateCategories.Response(message="none"),
    ):
        assert from_cdr(to_cdr(sent).data, type(sent)) == sent


def test_detections_and_markers_are_here():
    hypothesis = ObjectHypothesis(class_id="cup", score=0.5)
    detection = Detection2D(
        results=[ObjectHypothesisWithPose(hypothesis=hypothesis)],
        bbox=BoundingBox2D(center=Pose2D(position=Point2D(x=1.0, y=2.0)), size_x=3.0),
        id="7",
    )
    sent = Detection2DArray(header=Header(frame_id="camera"), detections=[detection])
    assert from_cdr(to_cdr(sent).data, Detection2DArray) == sent
    assert (Marker.ADD, Marker.DELETEALL, Marker.LINE_LIST) == (0, 3, 5)
    assert MarkerArray(markers=[Marker(ns="cup")]).markers[0].pose.orientation.w == 1.0
    assert DiagnosticArray(status=[DiagnosticStatus(level=DiagnosticStatus.STALE)])
