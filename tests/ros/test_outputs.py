"""What the node publishes beside keypoints, each only while it has a subscriber."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import dds  # before the message packages
import numpy as np
import pytest
from builtin_interfaces.msg import Time
from dds import EVERYTHING_IS_FOUND, Bench, frame_in_the_network, wait_for
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from test_parameters import change
from vision_msgs.msg import Detection2DArray
from visualization_msgs.msg import Marker, MarkerArray

from cape_ros.messages.images import read_image
from cape_ros.msg import KeypointArray
from cape_ros.perception.estimator import Estimator
from cape_ros.perception.library.library_use import LibraryUse
from cape_ros.ros import outputs
from cape_ros.srv import Estimate

Start = Callable[..., Bench]
INFO = CameraInfo(
    width=120, height=90, k=[100.0, 0.0, 59.5, 0.0, 100.0, 44.5, 0.0, 0.0, 1.0]
)  # fmt: skip


def test_detections_are_the_hull_of_the_trusted_keypoints(start: Start) -> None:
    bench = start(**EVERYTHING_IS_FOUND)
    robot = bench.robot
    robot.register()
    heard = robot.hear(Detection2DArray, "/cape/detections")
    wait_for(bench.node.session.outputs["image"].detections.get_subscription_count)
    message, found = robot.show()
    answer = heard.wait()
    assert answer.header == message.header
    (detection,) = answer.detections
    (cup,) = found.objects
    assert detection.id == str(cup.track_id)
    (result,) = detection.results
    assert result.hypothesis.class_id == "cup"
    assert result.hypothesis.score == pytest.approx(cup.score, abs=1e-6)
    points = np.array([(k.x, k.y) for k in cup.keypoints])
    size = detection.bbox.size_x, detection.bbox.size_y
    np.testing.assert_allclose(size, np.ptp(points, axis=0), atol=1e-3)
    center = detection.bbox.center.position
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    np.testing.assert_allclose((center.x, center.y), middle, atol=1e-3)


def test_markers_are_rays_with_a_camera_info_and_a_plane_without(start: Start) -> None:
    bench = start(**EVERYTHING_IS_FOUND)
    robot = bench.robot
    robot.register()
    heard = robot.hear(MarkerArray, "/cape/markers")
    wait_for(bench.node.session.outputs["image"].markers.get_subscription_count)

    def shown() -> tuple[Any, dict[str, Any]]:
        message, found = robot.show()
        markers = heard.wait(
            lambda array: array.markers[0].header.stamp == message.header.stamp
        ).markers
        pixels = np.array([(k.x, k.y) for k in found.objects[0].keypoints])
        return pixels, {marker.ns: marker for marker in markers}

    pixels, markers = shown()
    assert set(markers) == {"cup/keypoints", "cup/skeleton", "cup/name"}
    dots = markers["cup/keypoints"]
    assert dots.type == Marker.SPHERE_LIST
    assert dots.header.frame_id == "camera"
    assert len(dots.colors) == len(dots.points) == len(pixels)
    flat = np.array([(p.x, p.y, p.z) for p in dots.points])
    np.testing.assert_allclose(flat[:, :2], pixels / 1000, atol=1e-6)
    assert (flat[:, 2] == 0).all()
    assert len(markers["cup/skeleton"].points) == 4  # of two edges
    assert markers["cup/name"].text == "cup 0"

    publisher = robot.create_publisher(CameraInfo, "/cape/camera_info", 10)
    wait_for(publisher.get_subscription_count)
    publisher.publish(INFO)
    wait_for(lambda: bench.node.session.cameras[0].info)
    pixels, markers = shown()
    rays = np.array([(p.x, p.y, p.z) for p in markers["cup/keypoints"].points])
    np.testing.assert_allclose(rays[:, :2], (pixels - (59.5, 44.5)) / 100, atol=1e-5)
    assert (rays[:, 2] == 1).all()


def test_an_odd_camera_info_costs_the_markers_their_rays_and_nothing_else(start: Start) -> None:
    bench = start(**EVERYTHING_IS_FOUND)
    robot = bench.robot
    robot.register()
    heard = robot.hear(MarkerArray, "/cape/markers")
    overlays = robot.hear(CompressedImage, "/cape/overlay/compressed")
    camera = bench.node.session.cameras[0]
    wait_for(bench.node.session.outputs["image"].markers.get_subscription_count)
    publisher = robot.create_publisher(CameraInfo, "/cape/camera_info", 10)
    wait_for(publisher.get_subscription_count)
    publisher.publish(CameraInfo(k=INFO.k, distortion_model="plumb_bob", d=[0.1] * 6))
    wait_for(lambda: camera.info)
    stamp = robot.show()[0].header.stamp
    markers = heard.wait(lambda array: array.markers[0].header.stamp == stamp).markers
    assert all(point.z == 0 for point in markers[0].points)  # a plane, as without a camera_info
    overlays.wait(lambda message: message.header.stamp == stamp)
    assert "6 coefficients" in camera.meter.camera_info_fault


@pytest.mark.parametrize("broken", ["to_keypoint_array", "to_detections", "to_markers"])
def test_an_output_that_fails_takes_no_other_with_it(
    start: Start, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    bench = start(**EVERYTHING_IS_FOUND)
    robot = bench.robot
    robot.register()
    heard = {
        "to_keypoint_array": robot.keypoints,
        "to_detections": robot.hear(Detection2DArray, "/cape/detections"),
        "to_markers": robot.hear(MarkerArray, "/cape/markers"),
        "overlay": robot.hear(CompressedImage, "/cape/overlay/compressed"),
    }
    made = bench.node.session.outputs["image"]
    wait_for(lambda: made.markers.get_subscription_count() and made.detections)
    wait_for(lambda: made.detections.get_subscription_count())

    def fail(*_: Any) -> None:
        raise RuntimeError("of a library")

    monkeypatch.setattr(outputs, broken, fail)
    robot.camera.publish(dds.image(7))
    for name, listener in heard.items():
        if name != broken:
            listener.wait()
    assert list(bench.node.session.cameras[0].meter.failed_outputs.values()) == [1]


def test_nothing_is_made_for_nobody(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    for name in ("to_detections", "to_markers"):
        monkeypatch.setattr(outputs, name, lambda *_: made.append(1))
    robot = start(**EVERYTHING_IS_FOUND).robot
    robot.register()
    robot.show()
    assert robot.show()[1].objects
    assert made == []


def test_the_overlay_comes_compressed_too_and_in_other_modes(start: Start) -> None:
    bench = start(**EVERYTHING_IS_FOUND)
    robot = bench.robot
    robot.register()
    raw = robot.hear(Image, "/cape/overlay", 1)
    jpeg = robot.hear(CompressedImage, "/cape/overlay/compressed", 1)
    overlay = bench.node.session.outputs["image"].overlay
    wait_for(lambda: overlay.raw.get_subscription_count())
    wait_for(lambda: overlay.compressed.get_subscription_count())

    def size() -> tuple[int, int]:
        message, _ = robot.show()
        stamp = message.header.stamp
        compressed = jpeg.wait(lambda picture: picture.header.stamp == stamp)
        assert compressed.format == "jpeg"
        pixels = read_image(compressed)
        picture = raw.wait(lambda picture: picture.header.stamp == stamp)
        assert pixels.shape[:2] == (picture.height, picture.width)
        return pixels.shape[1], pixels.shape[0]

    assert size() == (120, 90)
    assert change(bench, overlay="support").successful
    assert size() == (120 + 45, 90)
    assert change(bench, overlay="off").successful
    before = len(raw.messages)
    robot.show()
    assert overlay.wait_until_idle(dds.SECONDS)
    assert len(raw.messages) == before
    assert "one of" in change(bench, overlay="everything").reason


class Report:
    """The last /diagnostics, by status."""

    def __init__(self, bench: Bench) -> None:
        self._heard = bench.robot.hear(DiagnosticArray, "/diagnostics")

    def wait(self, name: str, wanted: Callable[[str, dict[str, str]], bool]) -> DiagnosticStatus:
        """The first status of that name whose message and values are as wanted."""

        def fits(status: Any) -> bool:
            values = {value.key: value.value for value in status.values}
            return status.name == f"cape: {name}" and wanted(status.message, values)

        array = self._heard.wait(lambda array: any(map(fits, array.status)))
        return next(filter(fits, array.status))


def test_diagnostics_have_the_figures(start: Start) -> None:
    bench = start(**EVERYTHING_IS_FOUND)
    report = Report(bench)
    bench.robot.register()
    for _ in range(3):
        bench.robot.show()
    status = report.wait("image", lambda _, values: values["answered"] == "3")
    values = {value.key: value.value for value in status.values}
    assert float(values["input rate [Hz]"]) > 0
    assert float(values["output rate [Hz]"]) > 0
    assert values["camera_info"] == "never came"
    names = ("sent by the camera", "received", "lost on the way", "superseded on the way")
    assert [values[name] for name in names] == ["3", "3", "0", "0"]
    for figure in ("receive", "age at publish"):
        assert "," in values[f"{figure} [ms] median, p95"]
    model = report.wait("model", lambda _, values: values["network [ms] median, p95"] != "-")
    values = {value.key: value.value for value in model.values}
    assert (values["state"], values["device"], values["categories"]) == ("active", "cpu", "1")
    assert "publish [ms] median, p95" in values


def test_diagnostics_say_what_is_wrong(start: Start) -> None:
    bench = start()
    report, robot = Report(bench), bench.robot
    for count, seconds in enumerate((50, 40), 1):
        robot.camera.publish(dds.image(seconds))
        wait_for(lambda count=count: bench.node.session.cameras[0].meter.images == count)
    assert (
        "clock has jumped" in report.wait("image", lambda message, _: "jumped" in message).message
    )
    robot.camera.publish(dds.image(0))
    status = report.wait("image", lambda message, _: "zero stamps" in message)
    assert status.level == DiagnosticStatus.WARN
    for count in (4, 5):
        robot.camera.publish(dds.image(60))
        wait_for(lambda count=count: bench.node.session.cameras[0].meter.images == count)
    status = report.wait("image", lambda message, _: "the stamp of the one before" in message)
    assert status.level == DiagnosticStatus.WARN
    robot.camera.publish(Image(encoding="jpeg2000", width=4, height=4, step=4))
    report.wait("model", lambda message, _: "input is refused: image.encoding" in message)
    silent = report.wait("image", lambda message, _: "no image for" in message)
    assert silent.level == DiagnosticStatus.ERROR
    assert silent.hardware_id == "none"
    message, found = robot.show()  # the next good one is answered as ever
    assert found.header == message.header


def test_a_model_that_hangs_is_reported_and_commands_are_answered(start: Start) -> None:
    bench = start()
    assert bench.robot.register().success
    report = Report(bench)
    with frame_in_the_network(bench, 50):
        status = report.wait("model", lambda message, _: "no result comes since" in message)
        assert status.level == DiagnosticStatus.ERROR
        assert "restart the node" in status.message
        for refused in (
            bench.robot.register(name="pan"),
            bench.robot.remove("cup"),
            bench.robot.ask(Estimate, "estimate", image=dds.image(3)),
        ):
            assert not refused.success
            assert "the model hangs or is overloaded" in refused.message
        report.wait("model", lambda message, _: "the model failed: ModelHangs" in message)
    report.wait("model", lambda message, _: "no result comes since" not in message)
    assert bench.node.server.wait_until_idle(dds.SECONDS)
    assert bench.robot.remove("cup").success


def test_diagnostics_come_and_say_so_where_simulated_time_does_not(start: Start) -> None:
    bench = start(use_sim_time=True)
    status = Report(bench).wait("model", lambda message, _: "nothing has come on /clock" in message)
    assert status.level == DiagnosticStatus.WARN
    clock = bench.robot.create_publisher(Clock, "/clock", 10)
    wait_for(clock.get_subscription_count)
    clock.publish(Clock(clock=Time(sec=50)))
    Report(bench).wait("model", lambda message, _: "/clock" not in message)


def test_diagnostics_say_who_else_serves_the_library(start: Start, tmp_path: Path) -> None:
    (tmp_path / "library").mkdir()
    other = LibraryUse(tmp_path / "library", "/left/cape")
    assert other.other is None
    bench = start()
    status = Report(bench).wait("model", lambda message, _: "is used by /left/cape (" in message)
    assert status.level == DiagnosticStatus.WARN
    assert bench.robot.register().success
    other.close()
    Report(bench).wait("model", lambda message, _: "used by" not in message)


def test_diagnostics_say_that_memory_is_short(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = start()
    report = Report(bench)
    monkeypatch.setattr(Estimator, "largest_batch", 8)
    status = report.wait("model", lambda message, _: "objects are looked at 8 at a time" in message)
    assert status.level == DiagnosticStatus.WARN


def test_a_subscriber_that_does_not_fit_is_told(start: Start) -> None:
    bench = start()
    report = Report(bench)
    bench.robot.hear(KeypointArray, "/cape/keypoints", dds.LATCHED)  # which keypoints are not
    message = report.wait("image", lambda message, _: "/cape/keypoints" in message).message
    assert "asks for another DURABILITY" in message


def test_a_result_has_the_header_of_a_zero_stamp_too(start: Start) -> None:
    robot = start().robot
    robot.camera.publish(dds.image(0))
    answer = robot.keypoints.wait()
    assert (answer.header.stamp.sec, answer.header.frame_id) == (0, "camera")
    robot.show()


def test_an_image_as_jpeg_shows_what_was_drawn() -> None:
    from std_msgs.msg import Header

    from cape_ros.ros.conversions import to_compressed

    pixels = cv2.GaussianBlur(dds.PIXELS, (15, 15), 5)
    message = to_compressed(pixels, Header(), 95)
    assert np.abs(read_image(message).astype(int) - pixels).mean() < 4
