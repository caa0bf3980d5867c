"""What of a category lies in space, as messages and back."""

from __future__ import annotations

from dataclasses import replace

import dds
import numpy as np
import pytest

from cape_ros.core.errors import InvalidInput
from cape_ros.msg import FrameDefinition
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.spatial import CameraModel, read_frames
from cape_ros.ros.conversions import to_shot
from cape_ros.ros.shape_messages import (
    given_camera,
    in_known_order,
    to_frame_messages,
    to_frames,
)

NAMES = tuple(dds.NAMES)
COEFFICIENTS = [0.1, 0.01, 0.001, -0.002, 0.03, 0.1, 0.2, 0.1]


@pytest.mark.parametrize("rectified", [False, True])
@pytest.mark.parametrize(
    ("lens", "count"), [("plumb_bob", 5), ("rational_polynomial", 8), ("equidistant", 4)]
)
def test_the_calibration_of_a_shot_comes_back(lens: str, count: int, rectified: bool) -> None:
    k = [100.0, 0, 15, 0, 100, 12, 0, 0, 1]
    camera = CameraModel.of(k, COEFFICIENTS[:count], lens)
    image = np.zeros((24, 31, 3), np.uint8)
    message = to_shot(SupportShot(image, [(3, 4), (20, 15)], camera=camera))
    again, depth = given_camera(message, (31, 24), rectified, "")
    assert again is not None
    assert depth is None
    pixels = np.array([(3.0, 4.0), (25.0, 20.0)])
    np.testing.assert_array_equal(again.rays(pixels), camera.rays(pixels))


def test_frames_come_back() -> None:
    frames = read_frames(
        {"grasp": {"origin": ["a", "b"], "x": "a->b"}, "lift": {"origin": "c", "z": "down"}}, NAMES
    )
    assert to_frames(to_frame_messages(Category("cup", NAMES, frames=frames)), NAMES) == frames


def test_a_frame_that_is_sent_back_keeps_its_exact_axis() -> None:
    given = {
        "grasp": {"origin": "a", "y": "a->b", "x": "a->c"},
        "lift": {"origin": "c", "z": "down"},
    }
    known = Category("cup", NAMES, frames=read_frames(given, NAMES))
    back = replace(known, frames=to_frames(to_frame_messages(known), NAMES))
    assert in_known_order(back, known).frames == known.frames
    given["grasp"]["x"] = "a->d"  # another frame: the first axis of x, y, z is exact
    other = replace(known, frames=read_frames(given, NAMES))
    sent = replace(known, frames=to_frames(to_frame_messages(other), NAMES))
    assert in_known_order(sent, known).frames[0].axes[0].number == 0
    renamed = replace(back, keypoint_names=NAMES[::-1])
    assert in_known_order(renamed, known).frames == back.frames
    assert in_known_order(back, None).frames == back.frames


def test_a_frame_that_is_there_twice_is_refused() -> None:
    twice = [FrameDefinition(name="grasp", origin=["a"], z="down")] * 2
    with pytest.raises(InvalidInput, match="'grasp' is there twice"):
        to_frames(twice, NAMES)
