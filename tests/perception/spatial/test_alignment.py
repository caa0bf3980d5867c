"""Depth of a camera beside the colour camera, with other optics."""

from __future__ import annotations

import numpy as np
import pytest

from cape_ros.perception.spatial import Alignment, CameraModel, DepthImage, rigid

COLOUR, DEPTH = (320, 240), (200, 160)
LENS = [-0.2, 0.05, 0.001, -0.002, 0.01]


def alignment(d: list[float], turn: float = 0.02) -> Alignment:
    colour = CameraModel.of([400, 0, 160, 0, 400, 120, 0, 0, 1], d, "plumb_bob")
    depth = CameraModel.of([190, 0, 100, 0, 190, 80, 0, 0, 1], [], "plumb_bob")
    rotation = rigid.rotation_of(np.array([0.0, turn, 0.01]))
    return Alignment(depth, colour, rotation, np.array([0.05, 0.0, 0.002]), DEPTH, COLOUR)


def wall_before(aligned: Alignment, distance: float) -> DepthImage:
    """A wall, parallel to the colour image, as the depth camera sees it."""
    x, y = np.meshgrid(np.arange(DEPTH[0]), np.arange(DEPTH[1]))
    rays = aligned.depth.rays(np.stack((x.ravel(), y.ravel()), 1).astype(float))
    along = np.column_stack((rays, np.ones(len(rays)))) @ aligned.rotation[2]
    depth = (distance - aligned.translation[2]) / along
    return DepthImage.of(np.rint(1000 * depth).reshape(DEPTH[::-1]).astype(np.uint16))


@pytest.mark.parametrize("d", [[], LENS])
@pytest.mark.parametrize("distance", [0.4, 1.0, 3.0])
def test_a_wall_is_where_it_is(d: list[float], distance: float) -> None:
    aligned = alignment(d)
    seen = aligned.aligned(wall_before(aligned, distance), (120, 80, 60, 70)).values
    part = seen[80:150, 120:180]
    assert (part > 0).mean() > 0.98
    np.testing.assert_allclose(part[part > 0], distance, atol=0.003)
    assert seen.shape == COLOUR[::-1]


def test_what_is_nearer_hides_what_is_behind() -> None:
    aligned = alignment([], turn=0.0)
    values = wall_before(aligned, 1.0).values.copy()
    values[60:100, 90:110] = 500
    seen = aligned.aligned(DepthImage.of(values), (100, 60, 120, 120)).values
    middle = aligned.colour.project(np.array([[0.05, 0.0, 0.502]]))[0]
    x, y = np.rint(middle).astype(int)
    assert seen[y - 5 : y + 6, x - 5 : x + 6] == pytest.approx(0.502, abs=1e-3)


def test_a_box_beside_the_image_and_holes() -> None:
    aligned = alignment([])
    assert not aligned.aligned(wall_before(aligned, 1.0), (5000, 60, 20, 20)).values.any()
    empty = DepthImage.of(np.zeros(DEPTH[::-1], np.uint16))
    assert not aligned.aligned(empty, (100, 60, 50, 50)).values.any()
