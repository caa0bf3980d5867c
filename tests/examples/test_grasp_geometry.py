from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from grasp_geometry import NoGrasp, depth_at, finger_pixels, grasp_between, to_metres
from hypothesis import assume, given
from hypothesis import strategies as st

finite = st.floats(-5, 5)
points = st.tuples(finite, finite, finite).map(np.array)


def keypoint(x: float, y: float, score: float = 0.9) -> SimpleNamespace:
    return SimpleNamespace(x=x, y=y, score=score)


def cup(score: float = 0.8, keypoints: Any = None) -> SimpleNamespace:
    return SimpleNamespace(
        category="cup",
        score=score,
        keypoints=keypoints or [keypoint(1, 2), keypoint(5, 6), keypoint(9, 9, 0.1)],
        keypoint_names=["rim", "handle", "foot"],
    )


def depth_image(
    pixels: np.ndarray, encoding: str = "32FC1", order: str = "<", padding: int = 0
) -> SimpleNamespace:
    """As sensor_msgs/Image. pixels: [H, W] in the unit of the encoding."""
    kind = {"32FC1": "f4", "16UC1": "u2"}.get(encoding, "u1")
    octets = pixels.astype(np.dtype(kind).newbyteorder(order)).view(np.uint8)
    data = np.pad(octets, ((0, 0), (0, padding)), constant_values=255)
    height, width = pixels.shape
    return SimpleNamespace(
        width=width,
        height=height,
        encoding=encoding,
        is_bigendian=order == ">",
        step=data.shape[1],
        data=data.tobytes(),
    )


def camera_info(distortion: tuple[float, ...] = (), **changes: Any) -> SimpleNamespace:
    values = {
        "width": 64,
        "height": 48,
        "k": np.array([50.0, 0, 31, 0, 55, 23, 0, 0, 1]),
        "d": np.array(distortion),
        "p": np.array([60.0, 0, 30, 0, 0, 60, 20, 0, 0, 0, 1, 0]),
        "distortion_model": "plumb_bob",
        "binning_x": 0,
        "binning_y": 0,
        "roi": SimpleNamespace(x_offset=0, y_offset=0, width=0, height=0),
    }
    return SimpleNamespace(**(values | changes))


def rotation(orientation: tuple[float, float, float, float]) -> np.ndarray:
    """[3, 3] of a quaternion x, y, z, w."""
    x, y, z, w = orientation
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + 2 * w * cross + 2 * cross @ cross


def test_the_fingers_of_the_best_object_in_the_order_asked_for() -> None:
    other = SimpleNamespace(category="pan", score=1.0)
    worse = cup(0.5, keypoints=[keypoint(0, 0)] * 3)
    found = finger_pixels([other, worse, cup()], "cup", ["handle", "rim"], 0.5)
    assert found.tolist() == [[5, 6], [1, 2]]


@pytest.mark.parametrize(
    ("objects", "fingers", "reason"),
    [
        ([], ["rim", "handle"], "no cup in the image"),
        ([cup()], ["rim", "foot"], "foot scores 0.10, less than 0.50"),
        ([cup()], ["rim", "ear"], "no keypoint 'ear', only rim, handle, foot"),
        ([cup(keypoints=[keypoint(0, 0, np.nan)] * 3)], ["rim", "foot"], "scores nan"),
    ],
)
def test_no_fingers_and_the_reason(objects: list, fingers: list[str], reason: str) -> None:
    with pytest.raises(NoGrasp, match=reason):
        finger_pixels(objects, "cup", fingers, 0.5)


@given(points, points)
def test_a_grasp_lies_between_its_fingers(first: np.ndarray, second: np.ndarray) -> None:
    opening = second - first
    assume(np.hypot(*opening[:2]) > 1e-3)
    grasp = grasp_between(np.stack((first, second)))
    axes = rotation(grasp.orientation)
    np.testing.assert_allclose(grasp.center, (first + second) / 2, atol=1e-12)
    np.testing.assert_allclose(grasp.opening, opening)
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-9)
    np.testing.assert_allclose(axes[:, 0], opening / np.linalg.norm(opening), atol=1e-9)
    assert axes[2, 2] > 0  # the approach leads away from the camera
    assert abs(axes[2, 1]) < 1e-9  # and nothing could bring it nearer to the line of sight


@given(points)
def test_fingers_behind_each_other_are_no_grasp(first: np.ndarray) -> None:
    behind = first + np.array([0, 0, 1])
    for second in (first, behind, np.full(3, np.nan), np.full(3, np.inf)):
        with pytest.raises(NoGrasp, match="one place"):
            grasp_between(np.stack((first, second)))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("encoding", "unit"), [("16UC1", 0.001), ("32FC1", 1.0)])
def test_depth_is_the_median_of_what_was_measured(encoding: str, unit: float, order: str) -> None:
    pixels = np.full((6, 7), 40.0)
    pixels[2:5, 3:6] = [[2, 0, 9], [0, 3, 0], [1, 4, 0]]
    image = depth_image(pixels, encoding, order, padding=3)
    assert depth_at(image, 4.4, 2.6, 3) == pytest.approx(3 * unit)
    if encoding == "32FC1":
        pixels[pixels == 0] = np.nan
        pixels[2, 5] = np.inf
        with pytest.raises(NoGrasp, match="4 of 9"):
            depth_at(depth_image(pixels, encoding, order), 4.4, 2.6, 3)


@given(st.floats(-3, 9), st.floats(-3, 8), st.integers(1, 9))
def test_depth_at_any_place(x: float, y: float, window: int) -> None:
    image = depth_image(np.full((5, 6), 2.5))
    if -0.5 <= x < 5.5 and -0.5 <= y < 4.5:
        assert depth_at(image, x, y, window) == 2.5
    else:
        with pytest.raises(NoGrasp, match="outside"):
            depth_at(image, x, y, window)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"encoding": "rgb8"}, "'rgb8', not one of 16UC1, 32FC1"),
        ({"data": b"123"}, "3 bytes, too few"),
        ({"step": 2}, "too few"),
    ],
)
def test_an_unusable_depth_image_is_told(changes: dict, reason: str) -> None:
    image = depth_image(np.ones((4, 4)))
    vars(image).update(changes)
    with pytest.raises(NoGrasp, match=reason):
        depth_at(image, 1, 1, 1)


@given(st.floats(-0.3, 0.3), st.floats(-0.2, 0.2), st.floats(0.3, 4))
def test_a_point_seen_through_the_lens_is_found_again(x: float, y: float, z: float) -> None:
    """Against OpenCV's own projection, which goes the other way."""
    truth = np.array([[x * z, y * z, z]])
    info = camera_info((-0.2, 0.05, 0.001, -0.002, 0.0))
    depth = depth_image(np.full((48, 64), z, np.float32))
    still = np.zeros(3)
    pixels, _ = cv2.projectPoints(truth, still, still, info.k.reshape(3, 3), info.d)
    found = to_metres(pixels.reshape(1, 2), depth, info, 5, rectified=False)
    np.testing.assert_allclose(found, truth, atol=1e-3)
    pixels = np.array([[60 * x + 30, 60 * y + 20]])
    found = to_metres(pixels, depth, info, 5, rectified=True)
    np.testing.assert_allclose(found, truth, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"width": 32}, "is for images of 32 pixels; this image has 64"),
        ({"k": np.zeros(9)}, "not calibrated"),
        ({"distortion_model": "fov", "d": np.ones(1)}, "'fov' is not one of"),
    ],
)
def test_an_unusable_camera_is_told(changes: dict, reason: str) -> None:
    depth = depth_image(np.ones((48, 64)))
    with pytest.raises(NoGrasp, match=reason):
        to_metres(np.ones((1, 2)), depth, camera_info(**changes), 5, rectified=False)
