from __future__ import annotations

import array
import re

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import PoseWithCovariance, Quaternion
from rcl_interfaces.srv import ListParameters
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header, String

from cape_ros.msg import CategoryArray, Keypoint, KeypointArray, ObjectKeypoints
from cape_ros.srv import RegisterCategory, RemoveCategory
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


def test_type_hashes_are_those_of_ros():
    # As `ros2 topic info -v` prints them on Jazzy.
    assert type_hash("std_msgs/msg/String") == (
        "RIHS01_df668c740482bbd48fb39d76a70dfd4bd59db1288021743503259e948f6b1a18"
    )
    assert type_hash("sensor_msgs/msg/Image") == (
        "RIHS01_d31d41a9a4c4bc8eae9be757b0beed306564f7526c88ea6a4588fb9582527d47"
    )
