"""The truth that results are compared with is what the pixels do."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from cape_ros.media.motion import LARGEST, SIZE, SMALLEST, CameraMotion, Table, project

BOX = (60.0, 40.0, 220.0, 180.0)
PERIOD = 60
MARKS = np.array([[80, 60], [250, 70.0], [170, 130], [90, 200], [262, 205]])


def motion(seed: int = 1) -> CameraMotion:
    return CameraMotion(BOX, PERIOD, seed)


@pytest.fixture(scope="module")
def table() -> Table:
    photograph = np.full((300, 360, 3), 90, np.uint8)
    for x, y in MARKS.astype(int):
        photograph[y - 4 : y + 5, x - 4 : x + 5] = (255, 0, 255)
    return Table(photograph)


def dots(frame: np.ndarray) -> np.ndarray:
    """Centres of the magenta dots that a frame shows, [N, 2]."""
    red, green, blue = (frame[..., channel].astype(int) for channel in range(3))
    strength = np.clip(np.minimum(red, blue) - green - 40, 0, None).astype(np.float64)
    count, labels = cv2.connectedComponents((strength > 0).astype(np.uint8))
    found = []
    for label in range(1, count):
        rows, columns = np.nonzero(labels == label)
        weights = strength[rows, columns]
        found.append([np.average(columns, weights=weights), np.average(rows, weights=weights)])
    return np.array(found).reshape(-1, 2)


@pytest.mark.parametrize("index", [0, 6, 15, 25, 39, 45, 52])
def test_a_mark_is_seen_where_its_truth_is(index: int, table: Table) -> None:
    homography = motion().homography(index)
    frame = table.seen(homography)
    assert frame.shape == (SIZE[1], SIZE[0], 3)
    true = project(homography, MARKS)
    inside = ((true > 15) & (true < np.array(SIZE) - 15)).all(axis=1)
    assert inside.sum() >= 3
    seen = dots(frame)
    for place in true[inside]:
        assert np.linalg.norm(seen - place, axis=1).min() < 0.35


def areas(made: CameraMotion) -> np.ndarray:
    """Of the box in each frame, as a part of the image."""
    x, y, w, h = BOX
    corners = np.array([(x, y), (x + w, y), (x + w, y + h), (x, y + h)]) - 0.5
    quads = [project(made.homography(index), corners) for index in range(PERIOD)]
    return np.array([cv2.contourArea(quad.astype(np.float32)) for quad in quads]) / np.prod(SIZE)


@pytest.mark.parametrize("seed", range(4))
def test_the_object_fills_a_tenth_to_all_of_the_image(seed: int) -> None:
    filled = areas(motion(seed))
    assert filled.min() == pytest.approx(SMALLEST, rel=0.02)
    assert filled.max() == pytest.approx(LARGEST, rel=0.02)


@pytest.mark.parametrize("seed", range(4))
def test_the_middle_of_the_object_never_leaves_the_image(seed: int) -> None:
    middle = np.array([[BOX[0] + BOX[2] / 2, BOX[1] + BOX[3] / 2]])
    for index in range(PERIOD):
        place = project(motion(seed).homography(index), middle)[0]
        assert (place > 0.1 * np.array(SIZE)).all()
        assert (place < 0.9 * np.array(SIZE)).all()


@pytest.mark.parametrize("seed", range(4))
def test_it_is_smooth_with_rotation_and_perspective(seed: int) -> None:
    made = motion(seed)
    places = np.array([project(made.homography(index), MARKS) for index in range(PERIOD + 1)])
    assert np.abs(places[-1] - places[0]).max() < 1e-6  # it begins anew
    steps = np.linalg.norm(np.diff(places, axis=0), axis=2)
    assert steps.max() < 60
    assert np.linalg.norm(np.diff(places, n=2, axis=0), axis=2).max() < 20
    edge = places[:, 1] - places[:, 0]
    angles = np.degrees(np.arctan2(edge[:, 1], edge[:, 0]))
    assert np.ptp(angles) > 20
    assert np.abs([made.homography(index)[2, :2] for index in range(PERIOD)]).max() > 1e-4


def test_the_same_seed_moves_the_same_and_another_one_does_not() -> None:
    assert np.array_equal(motion(3).homography(7), motion(3).homography(7))
    assert not np.allclose(motion(3).homography(7), motion(4).homography(7))
