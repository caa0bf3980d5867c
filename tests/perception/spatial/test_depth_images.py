"""Depth images as cameras send them, and the surface that a keypoint takes its depth from."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_ros.core.errors import InvalidInput
from cape_ros.perception.spatial.depth import DepthImage, surfaces_at

FOCAL = 600.0
SHAPE = 60, 80


def depth_at(values: np.ndarray, x: float, y: float, deviation: float = 2.0) -> float:
    image = DepthImage.of(values)
    found = surfaces_at(image, np.array([[x, y]]), np.array([deviation]), FOCAL)
    return float(found.means[0, 2])


def step(near: float, far: float, edge: int = 40) -> np.ndarray:
    """The nearer surface left of a vertical edge."""
    image = np.full(SHAPE, near, np.float32)
    image[:, edge:] = far
    return image


@pytest.mark.parametrize("order", ["<", ">"])
def test_millimetres_and_metres_in_any_byte_order(order: str) -> None:
    assert depth_at(np.full(SHAPE, 750, f"{order}u2"), 30, 30) == pytest.approx(0.75)
    assert depth_at(np.full(SHAPE, 0.75, f"{order}f4"), 30, 30) == pytest.approx(0.75)


def test_an_image_is_not_copied() -> None:
    values = np.full(SHAPE, 750, np.uint16)
    assert np.shares_memory(DepthImage.of(values).values, values)


@pytest.mark.parametrize("values", [np.zeros(SHAPE, np.uint8), np.zeros((2, 3, 4), np.float32)])
def test_what_is_no_depth_image_is_refused(values: np.ndarray) -> None:
    with pytest.raises(InvalidInput, match="depth: is"):
        DepthImage.of(values)


@pytest.mark.parametrize("hole", [0.0, np.nan, np.inf, -np.inf, -1.0])
def test_a_hole_has_no_depth_and_is_not_zero(hole: float) -> None:
    image = np.full(SHAPE, hole, np.float32)
    assert np.isnan(depth_at(image, 30, 30))


def test_the_largest_number_of_16_bits_is_a_hole() -> None:
    image = np.full(SHAPE, 65535, np.uint16)
    assert np.isnan(depth_at(image, 30, 30))
    image[:, :] = 750
    image[::2, ::3] = 65535
    image[30, 30] = 65535
    assert depth_at(image, 30, 30) == pytest.approx(0.75)


@pytest.mark.parametrize("hole", [0.0, np.nan, np.inf])
def test_holes_around_a_keypoint_are_bridged(hole: float) -> None:
    image = np.full(SHAPE, 0.6, np.float32)
    image[::2, ::3] = hole
    image[30, 30] = hole
    assert depth_at(image, 30, 30) == pytest.approx(0.6)


def test_outside_the_image_there_is_no_depth() -> None:
    image = np.full(SHAPE, 0.6, np.float32)
    assert np.isnan(depth_at(image, 500, 30))
    assert np.isnan(depth_at(image, float("nan"), 30))


@given(near=st.floats(0.3, 0.8), jump=st.floats(0.08, 2.0), away=st.floats(-4, 3))
def test_a_rim_has_the_depth_of_the_nearer_surface(near: float, jump: float, away: float) -> None:
    assert depth_at(step(near, near + jump), 40 + away, 30) == pytest.approx(near, abs=1e-6)


def test_mixed_depths_on_an_edge_are_no_surface() -> None:
    image = step(0.5, 1.0)
    image[:, 40] = np.random.default_rng(0).uniform(0.52, 0.98, SHAPE[0])
    assert depth_at(image, 40, 30) == pytest.approx(0.5, abs=0.005)


def test_a_few_wrong_pixels_before_a_surface_are_no_surface() -> None:
    image = np.full(SHAPE, 0.8, np.float32)
    image[29, 31] = image[33, 28] = 0.3
    assert depth_at(image, 30, 30) == pytest.approx(0.8, abs=0.001)


@given(tilt=st.floats(-1.2, 1.2), x=st.floats(35, 45), y=st.floats(25, 35))
def test_a_tilted_surface_is_read_at_the_keypoint(tilt: float, x: float, y: float) -> None:
    slope = tilt * 0.6 / FOCAL  # metres per pixel
    image = (0.6 + slope * (np.arange(SHAPE[1]) - 40) * np.ones(SHAPE)).astype(np.float32)
    found = surfaces_at(DepthImage.of(image), np.array([[x, y]]), np.array([2.0]), FOCAL)
    assert found.means[0] == pytest.approx([x, y, 0.6 + slope * (x - 40)], abs=0.001)
    across = found.covariances[0, 0, 0]
    assert found.covariances[0, 0, 2] / across == pytest.approx(slope, rel=0.2, abs=1e-6)


def test_a_keypoint_beside_its_object_is_drawn_onto_it() -> None:
    image = DepthImage.of(step(0.5, 1.5))
    found = surfaces_at(image, np.array([[43.0, 30.0]]), np.array([2.0]), FOCAL)
    assert 37 < found.means[0, 0] < 40
    assert found.means[0, 1] == pytest.approx(30, abs=0.1)


def test_variance_grows_with_the_distance() -> None:
    at = []
    for depth in (0.5, 1.0, 2.0):
        image = DepthImage.of(np.full(SHAPE, depth, np.float32))
        found = surfaces_at(image, np.full((1, 2), 30.0), np.ones(1), FOCAL)
        at.append(found.covariances[0, 2, 2])
    assert at[1] == pytest.approx(16 * at[0])
    assert at[2] == pytest.approx(16 * at[1])


@pytest.mark.parametrize(
    ("values", "warning"),
    [
        (np.full(SHAPE, 750, np.uint16), ""),
        (np.full(SHAPE, 0.75, np.float32), ""),
        (np.full(SHAPE, 750, np.float32), "750 m; are its values in metres"),
        (np.full(SHAPE, 1, np.uint16), "0.001 m; are its values in millimetres"),
        (np.zeros(SHAPE, np.uint16), "no measured pixel"),
        (np.full(SHAPE, 65535, ">u2"), "no measured pixel"),
        (np.full(SHAPE, np.nan, np.float32), "no measured pixel"),
    ],
)
def test_a_wrong_unit_is_warned_of(values: np.ndarray, warning: str) -> None:
    said = DepthImage.of(values).warning()
    assert warning in said
    assert bool(said) == bool(warning)
