"""3-D results over DDS: keypoints, poses, frames and TF, and what is said where there are none."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import cv2
import dds  # before the message packages
import numpy as np
import pytest
from builtin_interfaces.msg import Time
from dds import EVERYTHING_IS_FOUND, NAMES, POINTS, Bench, Inbox, shot, wait_for
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import Point, PoseStamped, TransformStamped
from lifecycle_msgs.msg import Transition
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2
from std_msgs.msg import Header
from test_parameters import change
from tf2_msgs.msg import TFMessage
from vision_msgs.msg import Detection3DArray
from visualization_msgs.msg import Marker, MarkerArray

from cape_ros.msg import FrameDefinition, Keypoint3D, ObjectKeypoints3DArray
from cape_ros.perception.category import Category
from cape_ros.perception.objects import ObjectKeypoints
from cape_ros.perception.tracking import Tracker
from cape_ros.srv import GetCategory

Start = Callable[..., Bench]
K = [100.0, 0.0, 59.5, 0.0, 100.0, 44.5, 0.0, 0.0, 1.0]
INFO = CameraInfo(width=120, height=90, k=K)
GRASP = FrameDefinition(name="grasp", origin=["a", "c"], x="a->c", z="approach")
BOX = (20.0, 15.0, 55.0, 60.0)
SLOPE = np.tile(700 + 3 * np.arange(120), (90, 1)).astype("<u2")  # [mm]


def depth_image(values: np.ndarray, seconds: int, frame: str = "camera") -> Image:
    encoding = {"u2": "16UC1", "f4": "32FC1"}.get(values.dtype.str[1:], "rgb8")
    return Image(
        header=Header(stamp=Time(sec=seconds), frame_id=frame),
        height=values.shape[0],
        width=values.shape[1],
        encoding=encoding,
        step=values.strides[0],
        data=values.tobytes(),
    )


class Rig:
    """The node, a calibrated RGB-D camera, and who listens to its 3-D results."""

    def __init__(self, bench: Bench, calibrated: bool = True) -> None:
        self.bench, self.robot = bench, bench.robot
        self.node = bench.node
        self.camera = bench.node.session.cameras[0]
        self.info = self.robot.create_publisher(CameraInfo, "/cape/camera_info", 10)
        self.depth = self.robot.create_publisher(Image, "/cape/depth", 10)
        self.keypoints = self.hear(ObjectKeypoints3DArray, "keypoints_3d")
        wait_for(lambda: self.node.session.outputs["image"].space.has_depth)
        wait_for(self.depth.get_subscription_count)
        if calibrated:
            self.calibrate()

    def calibrate(self, info: CameraInfo = INFO) -> None:
        wait_for(self.info.get_subscription_count)
        self.info.publish(info)
        wait_for(lambda: self.camera.info)

    def hear(self, kind: Any, name: str) -> Inbox:
        inbox = self.robot.hear(kind, dds.topic("", name))
        space = self.node.session.outputs["image"].space
        publisher = {
            "keypoints_3d": space.keypoints,
            "detections_3d": space.detections,
            "frames": space.frames,
            "points": space.points,
            "markers": self.node.session.outputs["image"].markers,
        }[name]
        wait_for(publisher.get_subscription_count)
        return inbox

    def show(self, values: np.ndarray | None = SLOPE, frame: str = "camera") -> tuple[Any, Any]:
        """The 2-D and the 3-D result of an image with that depth."""
        if values is not None:
            self.depth.publish(depth_image(values, self.robot._seconds + 1, frame))
        message, flat = self.robot.show()
        return flat, self.keypoints.wait(lambda a: a.header.stamp == message.header.stamp)

    @property
    def space(self) -> Any:
        return self.camera.meter.space

    def place_camera(self) -> None:
        """In the frame `base`: one metre along its x axis, a quarter turned about z."""
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        static = self.robot.create_publisher(TFMessage, "/tf_static", latched)
        place = TransformStamped(header=Header(frame_id="base"), child_frame_id="camera")
        place.transform.translation.x = 1.0
        place.transform.rotation.z = place.transform.rotation.w = np.sqrt(0.5)
        wait_for(static.get_subscription_count)
        static.publish(TFMessage(transforms=[place]))

    def stop_hearing(self) -> None:
        """Nobody listens to 3-D results from now on."""
        keypoints = self.node.session.outputs["image"].space.keypoints
        for subscription in list(self.robot.subscriptions):
            if subscription.topic_name.endswith("keypoints_3d"):
                self.robot.destroy_subscription(subscription)
        wait_for(lambda: not keypoints.get_subscription_count())

    def learn_shape(self, **fields: Any) -> np.ndarray:
        """Register the cup with the shape that it has by this depth; [K, 3]."""
        _, found = self.show()
        points = np.array([places(k) for k in found.objects[0].keypoints])
        assert np.isfinite(points).all()
        given = [Point(x=x, y=y, z=z) for x, y, z in (points - points.mean(axis=0)).tolist()]
        answer = self.robot.register(mode=1, keypoints_3d=given, frames=[GRASP], **fields)
        assert answer.success, answer.message
        return points


def places(keypoint: Keypoint3D) -> tuple[float, float, float]:
    return keypoint.position.x, keypoint.position.y, keypoint.position.z


def found_cups(
    tracker: Tracker, image: np.ndarray, active: Mapping[str, Category], *_: Any
) -> list[ObjectKeypoints]:
    """In place of the tiny network, which was never trained: where the shot has them."""
    scores = np.full(len(POINTS), 0.99, np.float32)
    points = np.array(POINTS, np.float32)
    return (
        [
            ObjectKeypoints(
                "cup", active["cup"].version, BOX, points, scores, scores, NAMES, track_id=7
            )
        ]
        if "cup" in active
        else []
    )


@pytest.fixture
def rig(start: Start, monkeypatch: pytest.MonkeyPatch) -> Rig:
    monkeypatch.setattr(Tracker, "estimate", found_cups)
    bench = start(**EVERYTHING_IS_FOUND, depth_wait=0.5)
    bench.robot.register()
    return Rig(bench)


def test_keypoints_lie_where_depth_is_and_a_hole_is_no_zero(rig: Rig) -> None:
    values = SLOPE.copy()
    flat, found = rig.show(values)
    assert found.header == flat.header
    (one,), (cup,) = found.objects, flat.objects
    assert (one.category, one.track_id) == ("cup", cup.track_id)
    for keypoint, pixel in zip(one.keypoints, cup.keypoints, strict=True):
        assert keypoint.state == Keypoint3D.MEASURED
        x, y, z = places(keypoint)
        assert z == pytest.approx(0.7 + 0.003 * (59.5 + 100 * x / z), abs=0.003)
        assert np.hypot(x / z * 100 + 59.5 - pixel.x, y / z * 100 + 44.5 - pixel.y) < 12
        assert (np.linalg.eigvalsh(keypoint.covariance.reshape(3, 3)) > 0).all()
    assert one.refusal.startswith("the category has no shape")

    _, found = rig.show(np.zeros_like(values))
    keypoints = found.objects[0].keypoints
    assert {k.state for k in keypoints} == {Keypoint3D.NO_DEPTH}
    assert np.isnan(places(keypoints[0])).all()
    assert "no measured pixel" in rig.space.faults["depth"]


def test_an_image_without_depth_is_counted_and_its_2d_result_does_not_wait(rig: Rig) -> None:
    rig.show()
    assert change(rig.bench, depth_wait=2.0).successful
    began = time.monotonic()
    message, _ = rig.robot.show()
    assert time.monotonic() - began < 2
    found = rig.keypoints.wait(lambda a: a.header.stamp == message.header.stamp)
    assert time.monotonic() - began >= 2
    assert {k.state for k in found.objects[0].keypoints} == {Keypoint3D.NO_DEPTH}
    assert rig.space.without_depth == 1
    assert change(rig.bench, depth_wait=0.01).successful
    named = shot(image=Image(), stamp=message.header.stamp)
    assert rig.robot.register(name="pan", shots=[named]).success
    assert rig.space.without_depth == 1  # of 3-D results, and this is none


def test_poses_frames_and_tf(rig: Rig) -> None:
    points = rig.learn_shape()
    heard = {
        name: rig.hear(kind, name)
        for name, kind in (
            ("detections_3d", Detection3DArray),
            ("frames", PoseStamped),
            ("points", PointCloud2),
        )
    }
    tf = rig.robot.hear(TFMessage, "/tf")
    wait_for(rig.node.session.outputs["image"].space._tf.get_subscription_count)
    assert change(rig.bench, frame_prefix="/left arm/").successful
    flat, found = rig.show()
    (one,) = found.objects
    assert one.refusal == ""
    pose = one.pose.pose
    middle = points.mean(axis=0)
    np.testing.assert_allclose(
        (pose.position.x, pose.position.y, pose.position.z), middle, atol=0.02
    )
    assert abs(pose.orientation.w) > 0.99
    assert (np.linalg.eigvalsh(one.pose.covariance.reshape(6, 6)) > 0).all()
    name = f"left_arm/cup_{one.track_id}"
    assert one.child_frame_id == name
    (grasp,) = one.frames
    assert (grasp.name, grasp.child_frame_id, grasp.refusal) == ("grasp", f"{name}/grasp", "")

    stamp = flat.header.stamp
    transforms = tf.wait(lambda m: m.transforms[0].header.stamp == stamp).transforms
    assert [one.child_frame_id for one in transforms] == [name, f"{name}/grasp"]
    assert {one.header.frame_id for one in transforms} == {"camera"}
    assert transforms[0].transform.translation.x == pytest.approx(pose.position.x)
    frame = heard["frames"].wait(lambda m: m.header.stamp == stamp)
    assert frame.pose == grasp.pose.pose
    (detection,) = heard["detections_3d"].wait(lambda m: m.header.stamp == stamp).detections
    assert detection.results[0].pose == one.pose
    assert detection.results[0].hypothesis.class_id == "cup"
    size = detection.bbox.size
    np.testing.assert_allclose((size.x, size.y, size.z), np.ptp(points, axis=0), atol=1e-6)
    cloud = heard["points"].wait(lambda m: m.header.stamp == stamp)
    assert (cloud.width, cloud.height, cloud.point_step) == (len(NAMES), 1, 24)
    first = np.frombuffer(cloud.data, "<f4")[:3]
    np.testing.assert_allclose(first, places(one.keypoints[0]), rtol=1e-5)


def test_nothing_is_computed_for_tf_that_only_the_node_itself_hears(rig: Rig) -> None:
    rig.learn_shape()
    assert change(rig.bench, target_frame="base").successful
    rig.robot.show()  # from now on the node listens to TF
    tf = rig.node.session.outputs["image"].space._tf
    wait_for(tf.get_subscription_count)
    rig.stop_hearing()
    assert change(rig.bench, target_frame="", depth_wait=0.0).successful
    before = rig.space.results
    rig.robot.show()
    heard = rig.robot.hear(TFMessage, "/tf")
    wait_for(lambda: tf.get_subscription_count() == 2)
    rig.depth.publish(depth_image(SLOPE, rig.robot._seconds + 1))
    wait_for(lambda: rig.camera.depth.find((rig.robot._seconds + 1) * 10**9, 0))
    message, _ = rig.robot.show()
    heard.wait(lambda m: m.transforms[0].header.stamp == message.header.stamp)
    assert rig.space.results == before + 1


def test_results_in_a_target_frame(rig: Rig) -> None:
    rig.learn_shape()
    _, before = rig.show()
    assert change(rig.bench, target_frame="base").successful
    message, _ = rig.robot.show()
    wait_for(lambda: "no frame 'base'" in rig.space.faults.get("results", ""))
    assert not [m for m in rig.keypoints.messages if m.header.stamp == message.header.stamp]

    rig.place_camera()
    _, after = rig.show()
    assert after.header.frame_id == "base"
    assert rig.space.faults == {}
    there, here = after.objects[0], before.objects[0]
    np.testing.assert_allclose(
        places(there.keypoints[0]),
        (lambda x, y, z: (1 - y, x, z))(*places(here.keypoints[0])),
        atol=1e-6,
    )
    assert there.pose.pose.position.x == pytest.approx(1 - here.pose.pose.position.y, abs=0.01)
    first = there.pose.covariance[0]
    for _ in range(5):
        _, after = rig.show()
    assert after.objects[0].pose.covariance[0] < first  # of a still object it settles


def test_automatic_shots_need_no_listener_to_know_a_view_by_the_camera_s_motion(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.learn_shape()
    assert change(rig.bench, target_frame="base").successful
    rig.robot.show()  # from now on the node listens to TF
    rig.place_camera()
    rig.show()
    rig.stop_hearing()
    offered: list[Any] = []
    server = rig.node.session.server
    monkeypatch.setattr(server, "offer_views", lambda frame, views: offered.append((frame, views)))
    before = rig.space.results
    rig.robot.show()
    assert change(rig.bench, auto_shots=True).successful
    rig.depth.publish(depth_image(SLOPE, rig.robot._seconds + 1))
    message, _ = rig.robot.show()
    wait_for(lambda: offered)
    ((frame, ((cup, view),)),) = offered
    assert frame.header.stamp == message.header.stamp
    assert cup.category == "cup"
    assert view.near  # it is what the shot shows
    np.testing.assert_allclose(view.points, POINTS, atol=5)
    assert rig.space.results == before + 1


def test_tf_that_comes_while_there_is_time_is_waited_for(rig: Rig) -> None:
    assert change(rig.bench, target_frame="base", depth_wait=10.0).successful
    sent = rig.robot.create_publisher(TFMessage, "/tf", 10)
    place = TransformStamped(header=Header(frame_id="base"), child_frame_id="camera")
    place.transform.rotation.w = 1.0
    rig.depth.publish(depth_image(SLOPE, rig.robot._seconds + 1))
    message, _ = rig.robot.show()
    wait_for(sent.get_subscription_count)
    for seconds in (-1, 1):
        place.header.stamp = Time(sec=message.header.stamp.sec + seconds)
        sent.publish(TFMessage(transforms=[place]))
    found = rig.keypoints.wait(lambda a: a.header.stamp == message.header.stamp)
    assert found.header.frame_id == "base"
    assert "results" not in rig.space.faults


def test_markers_lie_where_the_keypoints_are(rig: Rig) -> None:
    heard = rig.hear(MarkerArray, "markers")
    _, found = rig.show()
    markers = heard.wait(lambda a: a.markers[0].header.stamp == found.header.stamp).markers
    balls = [marker for marker in markers if marker.ns == "cup/uncertainty"]
    assert len(balls) == len(NAMES)
    assert {ball.type for ball in balls} == {Marker.SPHERE}
    dots = next(marker for marker in markers if marker.ns == "cup/keypoints")
    for point, keypoint, ball in zip(dots.points, found.objects[0].keypoints, balls, strict=True):
        np.testing.assert_allclose((point.x, point.y, point.z), places(keypoint))
        assert ball.pose.position == point
        assert 0 < ball.scale.x < 1


def test_a_category_registered_with_depth_knows_its_shape(rig: Rig) -> None:
    rig.show()
    stamp = Time(sec=rig.robot._seconds)
    named = shot(image=Image(), stamp=stamp)
    assert rig.robot.register(name="pan", shots=[named]).success
    sent = shot(depth=depth_image(SLOPE, 0), camera_info=INFO)
    answer = rig.robot.register(name="pot", shots=[sent])
    assert answer.success
    assert "4 keypoints" in answer.message
    shapes = []
    for name in ("pan", "pot"):
        got = rig.robot.ask(GetCategory, "get_category", name=name)
        assert len(got.category.keypoints_3d) == len(NAMES)
        np.testing.assert_allclose(got.shots[0].camera_info.k, K)
        shapes.append([(p.x, p.y, p.z) for p in got.category.keypoints_3d])
    np.testing.assert_allclose(*shapes)


def test_a_registration_is_refused_with_every_field_at_fault(rig: Rig) -> None:
    wrong = FrameDefinition(name="grip", origin=["a", "ear"], x="a->c")
    bad = shot(
        depth=depth_image(np.zeros((90, 120, 3), np.uint8), 0),
        camera_info=CameraInfo(width=640, height=480, k=K),
    )
    answer = rig.robot.register(
        name="pan", shots=[bad], frames=[GRASP, wrong], keypoints_3d=[Point()] * 3
    )
    assert not answer.success
    for field in (
        "shots[0].camera_info.width",
        "shots[0].depth.encoding",
        "frames.grip.origin[1]: 'ear' is not a keypoint",
        "keypoints_3d",
    ):
        assert field in answer.message


def test_what_keeps_results_from_being_whole_is_named(rig: Rig) -> None:
    """Each bad input, and that the next good one is whole again."""
    small = np.full((45, 60), 800, "<u2")
    for values, frame, fault in (
        (SLOPE // 1000, "camera", "in millimetres?"),
        (SLOPE.astype("<f4"), "camera", "in metres?"),
        (np.zeros((90, 120, 3), np.uint8), "camera", "encoding: 'rgb8'"),
        (small, "camera", "60 x 45 pixels and no camera_info of its own"),
        (SLOPE, "depth_camera", "'depth_camera' and no camera_info of its own"),
    ):
        _, found = rig.show(values, frame)
        assert len(found.objects) == 1
        assert fault in rig.space.faults["depth"]
        rig.show()
        assert rig.space.faults == {}


def test_without_a_camera_info_there_are_no_3d_results_and_it_says_so(start: Start) -> None:
    bench = start(**EVERYTHING_IS_FOUND)
    bench.robot.register()
    rig = Rig(bench, calibrated=False)
    bench.robot.show()
    wait_for(lambda: "no camera_info has come" in rig.space.faults.get("results", ""))
    assert rig.keypoints.messages == []
    rig.calibrate(CameraInfo(width=640, height=480, k=K))
    bench.robot.show()
    wait_for(lambda: "images of 640 pixels" in rig.space.faults["results"])
    rig.info.publish(INFO)
    wait_for(lambda: rig.camera.info == INFO)
    rig.show()
    assert rig.space.faults == {}


def test_compressed_depth(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tracker, "estimate", found_cups)
    bench = start(**EVERYTHING_IS_FOUND, depth_wait=0.5, depth_transport="compressedDepth")
    robot = bench.robot
    robot.register()
    name = "/cape/depth/compressedDepth"
    depth = robot.create_publisher(CompressedImage, name, 10)
    info = robot.create_publisher(CameraInfo, "/cape/camera_info", 10)
    found = robot.hear(ObjectKeypoints3DArray, "/cape/keypoints_3d")
    space = bench.node.session.outputs["image"].space
    wait_for(lambda: space.has_depth and space.keypoints.get_subscription_count())
    wait_for(lambda: depth.get_subscription_count() and info.get_subscription_count())
    info.publish(INFO)
    wait_for(lambda: bench.node.session.cameras[0].info)
    png = cv2.imencode(".png", SLOPE)[1].tobytes()
    message = CompressedImage(format="16UC1; compressedDepth png", data=bytes(12) + png)
    message.header = depth_image(SLOPE, robot._seconds + 1).header
    depth.publish(message)
    robot.show()
    keypoints = found.wait().objects[0].keypoints
    assert {keypoint.state for keypoint in keypoints} == {Keypoint3D.MEASURED}


def test_keypoints_on_a_line_are_no_pose(rig: Rig) -> None:
    line = [Point(x=0.1 * at) for at in range(4)]
    assert rig.robot.register(mode=1, keypoints_3d=line).success
    _, found = rig.show()
    assert found.objects[0].refusal == "the trusted keypoints lie on one line"
    diagnostics = rig.robot.hear(DiagnosticArray, "/diagnostics")
    status = diagnostics.wait(lambda m: "lie on one line" in m.status[1].message).status[1]
    assert "no pose of cup: the trusted keypoints lie on one line" in status.message
    values = {value.key: value.value for value in status.values}
    assert values["3-D results without depth"] == "0"


def test_nothing_is_published_once_the_node_is_inactive(rig: Rig) -> None:
    """Not even of an image that waits for its depth."""
    rig.show()
    assert change(rig.bench, depth_wait=10.0).successful
    message, _ = rig.robot.show()
    assert rig.robot.transition(Transition.TRANSITION_DEACTIVATE)
    rig.depth.publish(depth_image(SLOPE, message.header.stamp.sec))
    assert rig.robot.transition(Transition.TRANSITION_ACTIVATE)
    _, found = rig.show()
    assert found.header.stamp != message.header.stamp
    assert message.header.stamp not in [m.header.stamp for m in rig.keypoints.messages]


def test_depth_of_another_camera_is_laid_onto_the_image(rig: Rig) -> None:
    rig.show()
    depth = rig.camera.depth
    info = CameraInfo(width=60, height=45, k=[50.0, 0.0, 29.5, 0.0, 50.0, 22.0, 0.0, 0.0, 1.0])
    depth.info = info
    small = np.full((45, 60), 800, "<u2")
    _, found = rig.show(small)
    assert {k.state for k in found.objects[0].keypoints} == {Keypoint3D.MEASURED}
    assert found.objects[0].keypoints[0].position.z == pytest.approx(0.8, abs=1e-3)
    rig.show(small, "depth_camera")
    assert "TF" in rig.space.faults["depth"]
    sent = rig.robot.create_publisher(TFMessage, "/tf", 10)
    wait_for(sent.get_subscription_count)
    place = TransformStamped(header=Header(frame_id="camera"), child_frame_id="depth_camera")
    place.transform.translation.z = 0.1
    place.transform.rotation.w = 1.0
    for seconds in range(3):
        place.header.stamp = Time(sec=rig.robot._seconds + 5 * seconds)
        sent.publish(TFMessage(transforms=[place]))
    _, found = rig.show(small, "depth_camera")
    assert rig.space.faults == {}
    assert found.objects[0].keypoints[0].position.z == pytest.approx(0.9, abs=1e-3)
