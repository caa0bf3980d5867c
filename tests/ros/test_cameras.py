"""Several cameras in one node, each with its own inputs, boxes and outputs."""

from __future__ import annotations

import array
from collections.abc import Callable
from typing import Any

import cv2
import dds  # before the message packages
import numpy as np
import pytest
from builtin_interfaces.msg import Time
from dds import EVERYTHING_IS_FOUND, PIXELS, Bench, Inbox, image, wait_for
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose

from cape_ros.messages.images import read_image
from cape_ros.msg import KeypointArray
from cape_ros.ros.pairing import Pairing
from cape_ros.srv import ActivateCategories, Estimate, GetCategory

Start = Callable[..., Bench]
SMOOTH = cv2.GaussianBlur(PIXELS, (15, 15), 5)
JPEG = cv2.imencode(".jpg", cv2.cvtColor(SMOOTH, cv2.COLOR_RGB2BGR))[1].tobytes()
PNG = cv2.imencode(".png", cv2.cvtColor(SMOOTH, cv2.COLOR_RGB2BGR))[1].tobytes()


def detection(class_id: str, box: tuple[float, float, float, float], score: float = 0.9) -> Any:
    """box: x, y, width, height."""
    hypothesis = ObjectHypothesisWithPose()
    hypothesis.hypothesis.class_id = class_id
    hypothesis.hypothesis.score = score
    found = Detection2D(results=[hypothesis])
    found.bbox.center.position.x = float(box[0] + box[2] / 2)
    found.bbox.center.position.y = float(box[1] + box[3] / 2)
    found.bbox.size_x, found.bbox.size_y = map(float, box[2:])
    return found


def detections(seconds: int, *found: Any, nanosec: int = 0) -> Detection2DArray:
    header = Header(stamp=Time(sec=seconds, nanosec=nanosec), frame_id="camera")
    return Detection2DArray(header=header, detections=list(found))


class Detector:
    """Publishes boxes to the node."""

    def __init__(self, bench: Bench) -> None:
        self._robot = bench.robot
        self._publisher = bench.robot.create_publisher(Detection2DArray, "/cape/detections_in", 10)
        wait_for(self._publisher.get_subscription_count)

    def say(self, message: Detection2DArray) -> None:
        self._publisher.publish(message)

    def show(self, *found: Any, nanosec: int = 0) -> KeypointArray:
        """An image, its boxes, and the node's answer."""
        seconds = self._robot.next_second()
        self._robot.camera.publish(image(seconds))
        self.say(detections(seconds, *found, nanosec=nanosec))
        return self._robot.keypoints.wait(lambda answer: answer.header.stamp.sec == seconds)


def test_the_node_goes_on_after_anything_in_the_callback_of_detections(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("of a library")

    bench = start(boxes="detections", detections_tolerance=5.0, **EVERYTHING_IS_FOUND)
    bench.robot.register()
    detector, box = Detector(bench), detection("cup", (5.0, 5.0, 70.0, 70.0))
    server = bench.node.server
    with monkeypatch.context() as patch:
        patch.setattr("cape_ros.ros.camera.to_requests", fail)
        seconds = bench.robot.next_second()
        bench.robot.camera.publish(image(seconds))
        wait_for(lambda: bench.node.session.cameras[0].meter.images == 1)
        detector.say(detections(seconds, box))
        wait_for(lambda: server.statistics.rejected.get("internal error") == 1)
    assert [cup.category for cup in detector.show(box).objects] == ["cup"]


def test_the_id_of_a_detection_stays_with_its_object(start: Start) -> None:
    bench = start(boxes="detections", detections_tolerance=5.0, **EVERYTHING_IS_FOUND)
    bench.robot.register()
    heard = bench.robot.hear(Detection2DArray, "/cape/detections")
    wait_for(bench.node.session.outputs["image"].detections.get_subscription_count)
    boxes = [detection("cup", (5.0 * index, 5.0, 70.0, 70.0)) for index in range(3)]
    boxes[0].id, boxes[2].id = "track-7", "42"  # the other has none
    found = Detector(bench).show(*boxes)
    assert [cup.detection_id for cup in found.objects] == ["track-7", "", "42"]
    assert [cup.track_id for cup in found.objects] == [-1, -1, -1]
    assert [one.id for one in heard.wait().detections] == ["track-7", "", "42"]


def test_two_cameras_share_one_model(start: Start) -> None:
    bench = start(cameras=["left", "right"], **EVERYTHING_IS_FOUND)
    robot = bench.robot
    assert robot.register().success
    ids = set()
    for camera in ("left", "right", "left"):
        message, found = robot.show(camera=camera)
        assert found.header == message.header
        (cup,) = found.objects
        ids.add((camera, cup.track_id))
    assert len(ids) == 2  # each camera follows its own cup
    assert len({track for _, track in ids}) == 2
    counts = bench.node.server.statistics.cameras
    assert (counts["left"].answered, counts["right"].answered) == (2, 1)


def test_a_request_without_an_image_names_the_camera(start: Start) -> None:
    """As from a synchronised stereo rig: both images have one stamp."""
    robot = start(cameras=["left", "right"], **EVERYTHING_IS_FOUND).robot
    assert robot.register().success
    for camera, width in (("left", 120), ("right", 100)):
        robot.cameras[camera].publish(image(7, np.ascontiguousarray(PIXELS[:, :width])))
        assert robot.found[camera].wait().image_width == width
    for stamp in (Time(), Time(sec=7)):
        for camera, width in (("left", 120), ("right", 100)):
            answer = robot.ask(Estimate, "estimate", stamp=stamp, camera=camera)
            assert answer.success, answer.message
            assert answer.keypoints.image_width == width
        refused = robot.ask(Estimate, "estimate", stamp=stamp)
        assert not refused.success
        assert refused.message.startswith("camera: several cameras have")
    frame = dds.shot(image=Image(), stamp=Time(sec=7))
    refused = robot.register(name="pan", shots=[dds.shot(), frame])
    assert refused.message.startswith("shots[1].camera: several cameras have")
    frame.camera = "top"
    refused = robot.register(name="pan", shots=[frame])
    assert refused.message == ("shots[0].camera: 'top' is none of the cameras here: left, right")
    frame.camera = "right"
    assert robot.register(name="pan", shots=[frame]).success
    got = robot.ask(GetCategory, "get_category", name="pan")
    assert read_image(got.shots[0].compressed).shape[1] == 100


def test_each_camera_has_its_own_active_categories(start: Start) -> None:
    bench = start(cameras=["left", "right"], right__boxes="region", right__region=[5, 5, 80, 80])
    robot = bench.robot
    for name in ("cup", "pan"):
        assert robot.register(name=name).success
    answer = robot.ask(
        ActivateCategories, "activate_categories", camera="right", categories=["pan"]
    )
    assert answer.success, answer.message
    assert {o.category for o in robot.show(camera="left")[1].objects} == {"cup", "pan"}
    (pan,) = robot.show(camera="right")[1].objects
    assert pan.category == "pan"
    assert (pan.box.x_offset, pan.box.y_offset) == (5, 5)
    assert bench.node.get_parameter("right.active_categories").value == ["pan"]


def test_a_region_changes_while_the_node_runs(start: Start) -> None:
    from test_parameters import change

    bench = start(boxes="region", region=[0, 0, 60, 60])
    robot = bench.robot
    robot.register()
    (cup,) = robot.show()[1].objects
    assert (cup.box.x_offset, cup.box.width, cup.track_id) == (0, 59, -1)
    assert change(bench, region=[40, 20, 60, 60]).successful
    (cup,) = robot.show()[1].objects
    assert (cup.box.x_offset, cup.box.y_offset) == (40, 20)
    for wrong in ([40, 20, 0, 60], [1, 2, 3], [-1, 0, 50, 50], [0, 0, 0, 0]):
        refused = change(bench, region=wrong)
        assert not refused.successful
        assert "region" in refused.reason
    assert change(bench, region=[500, 0, 60, 60]).successful  # of an image larger than this one
    robot.camera.publish(image(7))
    wait_for(lambda: bench.node.server.statistics.rejected.get("region") == 1)
    assert change(bench, region=[0, 0, 60, 60]).successful
    assert robot.show()[1].objects


@pytest.mark.parametrize("data", [JPEG, PNG, JPEG + bytes(20)], ids=["jpeg", "png", "padded"])
def test_compressed_images(start: Start, data: bytes) -> None:
    bench = start(image_transport="compressed", **EVERYTHING_IS_FOUND)
    robot = bench.robot
    assert robot.register().success
    header = Header(stamp=Time(sec=5), frame_id="camera")
    robot.camera.publish(CompressedImage(header=header, format="jpeg", data=array.array("B", data)))
    found = robot.keypoints.wait()
    assert found.header == header
    assert [cup.category for cup in found.objects] == ["cup"]
    frame = bench.node.session.frames.find(Time(sec=5))
    assert isinstance(frame, CompressedImage)  # what is kept is small
    again = robot.register(name="pan", shots=[dds.shot(image=Image(), stamp=Time(sec=5))])
    assert again.success, again.message


def test_a_damaged_compressed_image_is_counted_and_the_next_one_answered(start: Start) -> None:
    bench = start(image_transport="compressed")
    robot, server = bench.robot, bench.node.server
    for count, data in enumerate((JPEG[:-50], b"", b"nonsense", PNG[:200], b"\xff\xd8\xff\xd9"), 1):
        robot.camera.publish(CompressedImage(data=array.array("B", data)))
        wait_for(lambda count=count: server.statistics.rejected.get("image.data") == count)
    robot.camera.publish(CompressedImage(data=array.array("B", JPEG)))
    assert robot.keypoints.wait().objects == []


def test_boxes_of_a_detector(start: Start) -> None:
    bench = start(boxes="detections", class_categories=["47:cup"])
    bench.robot.register()
    detector = Detector(bench)
    found = detector.show(detection("47", (10, 20, 60, 50)), detection("cup", (30, 10, 50, 50)))
    assert [cup.category for cup in found.objects] == ["cup", "cup"]
    assert [(c.box.x_offset, c.box.y_offset) for c in found.objects] == [(10, 20), (30, 10)]
    assert detector.show().objects == []
    shifted = detector.show(detection("47", (10, 20, 60, 50)), nanosec=15_000_000)
    assert len(shifted.objects) == 1


NAN = float("nan")
BAD_DETECTIONS = {
    "a NaN": ([detection("cup", (NAN, 20, 60, 50))], "detections.bbox"),
    "a NaN size": ([detection("cup", (10, 20, NAN, 50))], "detections.bbox"),
    "an infinite box": ([detection("cup", (10, float("inf"), 60, 50))], "detections.bbox"),
    "no area": ([detection("cup", (10, 20, 0, 50))], "detections.bbox"),
    "off the image": ([detection("cup", (500, 20, 60, 50))], "detections.bbox"),
    "an unknown class": ([detection("zebra", (10, 20, 60, 50))], "detections.class_id"),
    "no class": ([Detection2D()], "detections.class_id"),
    "too many": ([detection("cup", (10, 20, 60, 50))] * 70, "detections"),
}


@pytest.mark.parametrize("what", BAD_DETECTIONS)
def test_a_bad_detection_is_left_out_and_counted(start: Start, what: str) -> None:
    bad, field = BAD_DETECTIONS[what]
    bench = start(boxes="detections")
    bench.robot.register()
    detector = Detector(bench)
    good = detection("cup", (10, 20, 60, 50))
    found = detector.show(good, *bad)
    assert len(found.objects) == (64 if what == "too many" else 1)
    assert bench.node.server.statistics.rejected == {field: 1}
    assert len(detector.show(good).objects) == 1


def test_images_without_boxes_hold_nothing_up(start: Start) -> None:
    bench = start(boxes="detections", detections_wait=3, image_depth=10)
    robot = bench.robot
    robot.register()
    detector = Detector(bench)
    for _ in range(5):
        robot.camera.publish(image(robot.next_second()))
    meter = bench.node.session.cameras[0].meter
    wait_for(lambda: meter.unmatched == 2)
    assert detector.show(detection("cup", (10, 20, 60, 50))).objects
    assert meter.unmatched == 5  # what is older than a pair finds no boxes any more


def test_boxes_may_come_before_their_image(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    add_boxes, heard = Pairing.add_boxes, Inbox()
    monkeypatch.setattr(Pairing, "add_boxes", lambda *a: (add_boxes(*a), heard(a)))
    bench = start(boxes="detections")
    robot = bench.robot
    robot.register()
    detector = Detector(bench)
    seconds = robot.next_second()
    detector.say(detections(seconds, detection("cup", (10, 20, 60, 50))))
    heard.wait()
    robot.camera.publish(image(seconds))
    assert robot.keypoints.wait().objects


def test_a_camera_info_is_kept_and_never_waited_for(start: Start) -> None:
    bench = start()
    robot = bench.robot
    assert robot.show()[1].objects == []
    camera = bench.node.session.cameras[0]
    assert camera.info is None
    publisher = robot.create_publisher(CameraInfo, "/cape/camera_info", 10)
    wait_for(publisher.get_subscription_count)
    publisher.publish(CameraInfo(width=120, height=90))
    wait_for(lambda: camera.info is not None and camera.info.width == 120)


def test_a_camera_info_that_was_published_once_is_asked_for(start: Start) -> None:
    """Latched, and before the node listened."""
    bench = start()
    camera = bench.node.session.cameras[0]
    camera.stop()
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    publisher = bench.robot.create_publisher(CameraInfo, "/cape/camera_info", latched)
    publisher.publish(CameraInfo(width=120, height=90))
    camera.start()
    wait_for(bench.robot.camera.get_subscription_count)
    bench.robot.show()
    wait_for(lambda: camera.info is not None and camera.info.width == 120)


def test_a_publisher_that_does_not_fit_is_told(start: Start) -> None:
    bench = start()  # asks for reliable images
    best_effort = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    bench.robot.create_publisher(Image, "/cape/image", best_effort)
    meter = bench.node.session.cameras[0].meter
    wait_for(lambda: meter.qos)
    ((where, what),) = meter.qos.items()
    assert where == "/cape/image"
    assert "RELIABILITY" in what


def test_a_camera_may_go_and_come_back(start: Start) -> None:
    robot = start().robot
    robot.show()
    robot.destroy_publisher(robot.camera)
    robot.camera = robot.create_publisher(Image, "/cape/image", 10)
    wait_for(robot.camera.get_subscription_count)
    message, found = robot.show()
    assert found.header == message.header


@pytest.mark.parametrize("cameras", [["left", "left"], ["a/b"], ["left", ""], ["2nd"]], ids=str)
def test_a_wrong_name_of_a_camera_is_refused(start: Start, cameras: list[str]) -> None:
    from cape_ros.core.errors import InvalidInput

    with pytest.raises(InvalidInput, match="cameras"):
        start(cameras=cameras)


def test_sizes_may_change_up_to_full_hd(start: Start) -> None:
    robot = start(**EVERYTHING_IS_FOUND).robot
    robot.register()
    for height, width in ((90, 120), (480, 640), (1080, 1920), (90, 120)):
        pixels = np.ascontiguousarray(cv2.resize(PIXELS, (width, height)))
        message, found = robot.show(pixels)
        assert found.header == message.header
        assert len(found.objects) == 1
