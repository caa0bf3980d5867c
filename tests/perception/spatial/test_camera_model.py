"""Rays of cameras agree with OpenCV's projection, whatever the lens, binning or region is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_ros.core.errors import InvalidInput
from cape_ros.perception.spatial import CameraModel

K = [1133.1, 0.0, 960.7, 0.0, 1128.0, 600.8, 0.0, 0.0, 1.0]
LENSES = {
    "none": ("plumb_bob", []),
    "zeros": ("equidistant", [0.0] * 5),  # as a RealSense T265 sends them
    "plumb_bob": ("plumb_bob", [-0.2, 0.05, 0.001, -0.002, 0.01]),
    "plumb_bob of 4": ("plumb_bob", [-0.2, 0.05, 0.001, -0.002]),
    "rational": ("rational_polynomial", [0.3, -0.1, 1e-4, 2e-4, 0.02, 0.5, -0.05, 0.01]),
    "thin prism": ("rational_polynomial", [0.1, 0.02, 0, 0, 0, 0.1, 0, 0, 1e-3, 0, 1e-3, 0]),
    "tilted": ("rational_polynomial", [0.1, 0.02, 0, 0, 0, 0.1, 0, 0, 0, 0, 0, 0, 0.01, 0.02]),
    "equidistant": ("equidistant", [-0.03, 0.01, -0.002, 0.0005]),
}
RAYS = st.lists(st.tuples(*[st.floats(-0.7, 0.7)] * 2), min_size=1, max_size=6).map(np.array)


def project(rays: np.ndarray, model: str, d: list[float]) -> np.ndarray:
    points = np.column_stack([rays, np.ones(len(rays))]).reshape(-1, 1, 3)
    matrix, zero = np.reshape(K, (3, 3)), np.zeros(3)
    if model == "equidistant":
        return cv2.fisheye.projectPoints(points, zero, zero, matrix, np.array(d[:4]))[0][:, 0]
    return cv2.projectPoints(points, zero, zero, matrix, np.array(d))[0][:, 0]


@pytest.mark.parametrize("lens", [name for name in LENSES if name != "zeros"])
@given(rays=RAYS)
def test_the_ray_of_a_projected_point_is_its_direction(lens: str, rays: np.ndarray) -> None:
    model, d = LENSES[lens]
    pixels = project(rays, model, d)
    np.testing.assert_allclose(CameraModel.of(K, d, model).rays(pixels), rays, atol=1e-4)


def test_coefficients_of_zero_are_none() -> None:
    rays = CameraModel.of(K, [0.0] * 5, "equidistant").rays(np.array([[960.7 + 1133.1, 600.8]]))
    np.testing.assert_allclose(rays, [[1, 0]])


def test_binning_and_region_of_interest() -> None:
    pixel = np.array([[1200.0, 700.0]])
    expected = CameraModel.of(K, [-0.2, 0.05], "plumb_bob").rays(pixel)
    smaller = CameraModel.of(K, [-0.2, 0.05], "plumb_bob", binning=(4, 2), offset=(400, 100))
    np.testing.assert_allclose(smaller.rays((pixel - (400, 100)) / (4, 2)), expected, atol=1e-9)


@pytest.mark.parametrize(
    ("model", "d", "reason"),
    [
        ("plumb_bob", [0.1] * 6, "6 coefficients"),
        ("rational_polynomial", [0.1] * 15, "15 coefficients"),
        ("equidistant", [0.1] * 5, "5 coefficients"),
        ("fov", [0.9], "'fov' is not one of plumb_bob"),
        ("plumb_bob", [float("nan")] * 5, "NaN"),
    ],
)
def test_odd_coefficients_are_named(model: str, d: list[float], reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        CameraModel.of(K, d, model)


@pytest.mark.parametrize("k", [[0.0] * 9, [float("nan")] * 9, [-100.0, *K[1:]], [1e-300, *K[1:]]])
def test_a_camera_that_is_not_calibrated(k: list[float]) -> None:
    with pytest.raises(InvalidInput, match="not calibrated"):
        CameraModel.of(k, [], "plumb_bob")


def test_a_pixel_without_a_direction_ahead_has_no_ray() -> None:
    model = CameraModel.of(K, LENSES["equidistant"][1], "equidistant")
    rays = model.rays(np.array([[960.7, 600.8], [90_000.0, 600.0]]))
    np.testing.assert_allclose(rays[0], 0, atol=1e-9)
    assert np.isnan(rays[1]).all()
    assert model.rays(np.empty((0, 2))).shape == (0, 2)
