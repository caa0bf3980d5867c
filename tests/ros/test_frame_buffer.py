"""Which frame of which camera a request without an image means."""

from __future__ import annotations

import dds  # before the message packages
import pytest
from builtin_interfaces.msg import Time
from sensor_msgs.msg import Image

from cape_ros.core.errors import InvalidInput
from cape_ros.ros.frame_buffer import FRAMES_KEPT, FrameBuffer

NEWEST = Time()


def stereo(*frames: tuple[str, int]) -> FrameBuffer:
    """frames: camera and stamp of each one that came, in that order."""
    buffer = FrameBuffer(["left", "right"])
    for camera, second in frames:
        message = dds.image(second)
        message.header.frame_id = camera
        buffer.add(camera, message)
    return buffer


def found(message: Image) -> tuple[str, int]:
    return message.header.frame_id, message.header.stamp.sec


def test_the_camera_is_chosen_by_its_name() -> None:
    buffer = stereo(("left", 1), ("right", 1), ("left", 2), ("right", 2))
    for camera in ("left", "right"):
        assert found(buffer.find(NEWEST, camera)) == (camera, 2)
        assert found(buffer.find(Time(sec=1), camera)) == (camera, 1)


def test_without_a_name_the_one_camera_that_has_such_a_frame_is_meant() -> None:
    assert found(stereo(("left", 1), ("left", 2)).find(NEWEST)) == ("left", 2)
    assert found(stereo(("left", 1), ("right", 2)).find(Time(sec=1))) == ("left", 1)


@pytest.mark.parametrize("stamp", [NEWEST, Time(sec=2)], ids=["newest", "stamp"])
def test_a_frame_that_may_be_of_several_cameras_is_refused(stamp: Time) -> None:
    buffer = stereo(("left", 2), ("right", 2))
    with pytest.raises(InvalidInput, match=r"^camera: several cameras have") as error:
        buffer.find(stamp)
    assert [fault.field for fault in error.value.faults] == ["camera"]


def test_an_unknown_camera_is_refused_with_the_known_ones() -> None:
    with pytest.raises(
        InvalidInput, match=r"^camera: 'top' is none of the cameras here: left, right"
    ):
        stereo(("left", 1)).find(NEWEST, "top")
    with pytest.raises(InvalidInput, match=r"^camera: 'top' is none .* one without a name"):
        FrameBuffer([""]).find(NEWEST, "top")


@pytest.mark.parametrize(
    ("stamp", "camera", "reason"),
    [
        (Time(sec=9), "", "no camera frame of that stamp is buffered"),
        (Time(sec=9), "left", "no frame of left of that stamp is buffered"),
        (NEWEST, "right", "no frame of right has come yet"),
    ],
)
def test_a_frame_that_is_not_there_is_refused(stamp: Time, camera: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=rf"^stamp: no image is given, and {reason}"):
        stereo(("left", 1)).find(stamp, camera)
    with pytest.raises(InvalidInput, match=r"^stamp: no image is given, and no camera frame has"):
        FrameBuffer([""]).find(NEWEST)


def test_the_last_frames_of_each_camera_are_kept() -> None:
    buffer = stereo(("right", 1), *(("left", second) for second in range(1, FRAMES_KEPT + 2)))
    assert found(buffer.find(Time(sec=1))) == ("right", 1)
    assert found(buffer.find(Time(sec=2))) == ("left", 2)
