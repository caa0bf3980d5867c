from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_ros.lab.training.data.grids import dense
from cape_ros.lab.training.data.thin_plate import bend, invert, thin_plate
from cape_ros.lab.training.data.warps import (
    WARPS,
    Warp,
    a_parallelogram,
    corners,
    views_of_photograph,
    warped,
)

SIZE = (256, 256)


@pytest.mark.parametrize("warp", WARPS)
def test_points_move_with_the_pixels_they_mark(warp: Warp) -> None:
    """A disc is found where its keypoint says, and nowhere if the keypoint is outside."""
    generator = np.random.default_rng(3)
    found = outside = 0
    for _ in range(40):
        place = generator.uniform(20, 236, 2)
        image = np.zeros((256, 256, 3), np.uint8)
        centre = tuple(int(v) for v in np.rint(place * 16))
        cv2.circle(image, centre, 5 * 16, (255, 255, 255), -1, cv2.LINE_AA, 4)
        view = warped(image, corners(SIZE), place[None].astype(np.float32), generator, SIZE, warp)
        brightness = view.pixels.astype(np.float32).sum(axis=2)
        brightness -= np.median(brightness)
        point = view.points[0] * 256
        if not view.visible[0]:
            outside += 1
            assert not ((point >= 0) & (point <= 255)).all()
        elif ((point > 12) & (point < 243)).all():
            bright = np.argwhere(brightness > brightness.max() / 2)
            assert np.abs(bright.mean(axis=0)[::-1] - point).max() < 1.5
            found += 1
    assert found > 15


@pytest.mark.parametrize("warp", WARPS)
def test_the_same_seed_gives_the_same_views(warp: Warp, photographs: list[Path]) -> None:
    one, again, other = (
        views_of_photograph(photographs[0], np.random.default_rng(seed), 2, 6, SIZE, warp)[1]
        for seed in (1, 1, 2)
    )
    assert one.pixels.tobytes() == again.pixels.tobytes()
    assert np.array_equal(one.points, again.points, equal_nan=True)
    assert one.pixels.tobytes() != other.pixels.tobytes()


def test_an_affine_warp_keeps_parallels() -> None:
    generator = np.random.default_rng(0)
    for _ in range(20):
        a, b, c, d = a_parallelogram(generator, SIZE)
        assert np.abs((b - a) - (c - d)).max() < 1e-3


@given(st.integers(0, 10**6))
def test_a_thin_plate_goes_through_its_targets_and_back(seed: int) -> None:
    generator = np.random.default_rng(seed)
    controls = np.stack(np.meshgrid(*[np.linspace(0, 100, 3)] * 2), -1).reshape(-1, 2)
    targets = controls + generator.normal(0, 4, controls.shape)
    plate = thin_plate(controls, targets)
    assert np.abs(plate(controls) - targets).max() < 1e-6
    places = generator.uniform(10, 90, (5, 2))
    back = invert(plate, plate(places), places + generator.normal(0, 2, (5, 2)))
    assert np.abs(back - places).max() < 0.05


def test_a_straight_thin_plate_is_an_affine_map() -> None:
    controls = np.array([[0, 0], [100, 0], [0, 100], [100, 100], [40, 70]], float)
    matrix, shift = np.array([[1.1, 0.2], [-0.3, 0.8]]), np.array([5, -7])
    plate = thin_plate(controls, controls @ matrix + shift)
    places = np.random.default_rng(0).uniform(-50, 150, (10, 2))
    assert np.abs(plate(places) - (places @ matrix + shift)).max() < 1e-6


@given(st.integers(0, 10**6))
def test_a_bending_never_folds_and_knows_where_points_go(seed: int) -> None:
    generator = np.random.default_rng(seed)
    points = generator.uniform(0, 256, (10, 2))
    grid, places = bend(SIZE, np.eye(3), points, generator)
    maps = dense(grid, SIZE)
    across, down = np.diff(maps, axis=1)[:-1], np.diff(maps, axis=0)[:, :-1]
    assert (across[..., 0] * down[..., 1] - across[..., 1] * down[..., 0]).min() > 0
    for point, place in zip(points, places, strict=True):
        if ((place >= 0) & (place <= 255)).all():
            x, y = np.rint(place).astype(int)
            assert np.abs(maps[y, x] - point).max() < 2  # the pixel nearest to it shows it


def test_bendings_differ_from_flat_pictures(photographs: list[Path]) -> None:
    """No homography explains where a thin plate takes the points."""
    generator = np.random.default_rng(0)
    points = generator.uniform(20, 236, (12, 2))
    _, places = bend(SIZE, np.eye(3), points, generator)
    known = np.isfinite(places).all(axis=1)
    fitted, _ = cv2.findHomography(points[known], places[known])
    flat = cv2.perspectiveTransform(points[known][None], fitted)[0]
    assert np.abs(flat - places[known]).max() > 2
