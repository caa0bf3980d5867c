"""Counts that add up from the camera on."""

from __future__ import annotations

import dds  # noqa: F401  skips without rclpy
import pytest

from cape_ros.ros.diagnostics import CameraReport
from cape_ros.ros.meters import FEW, NANOSECONDS, CameraMeter, NumberWatch
from cape_ros.server.server import CameraCounts


def one() -> int:
    return 1


def test_numbers_that_are_left_out_are_missed() -> None:
    watch = NumberWatch()
    for number in (5, 6, 9, 10):
        watch.see(number, one)
    assert watch.missed == 2
    watch.see(1, one)  # the camera has started again
    watch.see(4, one)
    assert watch.missed == 4
    watch.restart()
    watch.see(100, one)
    assert watch.missed == 4


def test_of_several_publishers_and_without_numbers_nothing_is_missed() -> None:
    watch = NumberWatch()
    for number in (1, 5000, 2, 5001, None, 7, None):
        watch.see(number, lambda: 2)
    assert watch.missed == 0


def test_what_was_sent_is_received_lost_or_superseded() -> None:
    meter = CameraMeter()
    for number in (1, 5, 6):
        meter.images += 1
        meter.numbers.see(number, one)
    meter.lost = 2
    assert (meter.superseded, meter.sent_to) == (1, 6)
    meter.lost = 30  # also before the first one and after the last one
    assert (meter.superseded, meter.sent_to) == (0, 33)


class OneCamera:
    topic = "/camera/image_raw"

    def __init__(self) -> None:
        self.meter = CameraMeter()


def test_lost_images_are_counted_and_the_remedy_is_named_for_a_while() -> None:
    now = [0.0]
    camera = OneCamera()
    report = CameraReport(camera, lambda: now[0])  # type: ignore[arg-type]
    camera.meter.images, camera.meter.lost = 10, 48
    values, wrong = report.say(CameraCounts(received=10, answered=10), running=True)
    assert (values["sent by the camera"], values["lost on the way"]) == (58, 48)
    (sentence,) = wrong
    assert sentence.startswith("48 of 58 images were lost between camera and node: ")
    assert "image_reliability: reliable" in sentence
    now[0] = 60.0
    camera.meter.images = 11
    assert report.say(CameraCounts(), running=True)[1] == []


@pytest.mark.parametrize(
    ("behind", "sentence"),
    [
        (-3600.0, "images are stamped 3600.0 s ahead of this machine's clock"),
        (3600.0, "images are 3600.0 s old when they come"),
    ],
)
def test_a_clock_that_was_right_for_long_and_is_an_hour_off_is_reported(
    behind: float, sentence: str
) -> None:
    camera = OneCamera()
    report = CameraReport(camera, lambda: 0.0)  # type: ignore[arg-type]
    start = 10_000 * NANOSECONDS
    for frame in range(1000):
        camera.meter.arrived(start + frame, start + frame)
        camera.meter.sent(start + frame, start + frame)
    assert report.say(CameraCounts(), running=True)[1] == []
    for frame in range(FEW):
        camera.meter.arrived(start + frame, start + frame + int(behind * NANOSECONDS))
    (found,) = report.say(CameraCounts(), running=True)[1]
    assert found.startswith(sentence)
    for frame in range(FEW):
        camera.meter.sent(start + frame, start + frame + int(behind * NANOSECONDS))
    (found,) = report.say(CameraCounts(), running=True)[1]
    assert "3600.0 s" in found


def test_without_a_clock_or_a_stamp_an_image_has_no_age() -> None:
    camera = OneCamera()
    camera.meter.arrived(0, NANOSECONDS)
    camera.meter.arrived(NANOSECONDS, 0)
    report = CameraReport(camera, lambda: 0.0)  # type: ignore[arg-type]
    assert report.say(CameraCounts(), running=True)[1] == []
