"""Keypoints of a mesh: places of the upright box that a category shares, and surface points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from cape_ros.lab.datasets.rendered.cameras import Pose
from cape_ros.lab.datasets.rendered.surface import (
    Outside,
    Symmetry,
    farthest,
    sample_outside,
    symmetry_of,
)
from cape_ros.lab.datasets.rendered.tracing import Body, Placed, first_opaque

SURFACE = 12  # points of a mesh's own
APART = 0.04  # keypoints lie at least this part of the diagonal from each other

# The corner of the upright box that an extreme point reaches furthest towards.
EXTREMES: dict[str, tuple[float, float, float]] = {
    f"{x} {y} {z}": (sx, sy, sz)
    for z, sz in (("top", 1.0), ("bottom", -1.0))
    for x, sx in (("front", 1.0), ("back", -1.0))
    for y, sy in (("left", 1.0), ("right", -1.0))
}
# Where a ray from a side of the box begins, in half extents, and which way it goes.
PROBES: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "from above": ((0, 0, 1), (0, 0, -1)),
    "from above, front": ((0.6, 0, 1), (0, 0, -1)),
    "from above, back": ((-0.6, 0, 1), (0, 0, -1)),
    "from above, left": ((0, 0.6, 1), (0, 0, -1)),
    "from above, right": ((0, -0.6, 1), (0, 0, -1)),
    "from the front": ((1, 0, 0), (-1, 0, 0)),
    "from the front, high": ((1, 0, 0.6), (-1, 0, 0)),
    "from the front, low": ((1, 0, -0.6), (-1, 0, 0)),
    "from the left": ((0, 1, 0), (0, -1, 0)),
    "from the right": ((0, -1, 0), (0, 1, 0)),
    "from the back": ((-1, 0, 0.3), (1, 0, 0)),
}
SHARED = (*EXTREMES, *PROBES)  # names, in the order of a category's keypoints
PARTNERS = [
    SHARED.index(name.replace("left", "?").replace("right", "left").replace("?", "right"))
    for name in SHARED
]  # the place of each one's mirror image


@dataclass(frozen=True, eq=False)
class Keypoints:
    """shared: [S, 3] metres, object frame, in the order of `SHARED`; NaN where a mesh has none.
    surface: [N, 3], of this mesh alone, the left-right mirror images of each other side by side
    where it is symmetric. mirrored: for each of them all, which one it is in a mirror; itself where
    the mesh is not symmetric. rotated: orders of them all that the object's rotations give."""

    shared: np.ndarray
    surface: np.ndarray
    symmetry: Symmetry
    mirrored: tuple[int, ...]
    rotated: tuple[tuple[int, ...], ...]

    @property
    def all(self) -> np.ndarray:
        """[S + N, 3]."""
        return np.concatenate([self.shared, self.surface])

    @property
    def names(self) -> tuple[str, ...]:
        return (*SHARED, *(f"surface {number}" for number in range(1, len(self.surface) + 1)))


def keypoints_of(body: Body, generator: Generator) -> Keypoints:
    """The keypoints of a mesh; the generator draws those of its surface."""
    outside = sample_outside(body, generator)
    extent = body.mesh.extent.astype(np.float64)
    symmetry = symmetry_of(outside, extent)
    shared = _apart(np.concatenate([_extremes(body), _probed(body)]), APART * body.mesh.diagonal)
    if symmetry.mirror:
        shared[np.isnan(shared[PARTNERS]).any(axis=1)] = np.nan
    surface = _surface_points(body, outside, shared, symmetry)
    if symmetry.any_rotation:  # beside the axis no point is another than its neighbours
        for points in (shared, surface):
            beside = np.linalg.norm(points[:, :2], axis=1) > APART * body.mesh.diagonal
            points[beside] = np.nan
    points = np.concatenate([shared, surface])
    tolerance = 1.5 * APART * body.mesh.diagonal
    mirror = np.diag([1.0, -1.0, 1.0])
    mirrored = _order(points, points @ mirror.T, tolerance) if symmetry.mirror else None
    rotated = [_order(points, points @ _turn(angle).T, tolerance) for angle in symmetry.rotations]
    return Keypoints(
        shared,
        surface,
        symmetry,
        mirrored or tuple(range(len(points))),
        tuple(order for order in rotated if order is not None),
    )


def _extremes(body: Body) -> np.ndarray:
    """[8, 3]: of all vertices the one furthest towards each corner, in half extents."""
    vertices = body.mesh.vertices.astype(np.float64)
    relative = vertices / np.maximum(body.mesh.extent / 2, 1e-9)
    # An unequal weight decides between equals, and the same way on both sides.
    weights = np.array([1.0, 1.02, 1.05])
    return np.stack([vertices[np.argmax(relative @ (weights * s))] for s in EXTREMES.values()])


def _probed(body: Body) -> np.ndarray:
    """[P, 3]: where rays from the sides of the box meet the surface; NaN where they miss."""
    half = body.mesh.extent.astype(np.float64) / 2
    starts = np.array([start for start, _ in PROBES.values()]) * half
    directions = np.array([way for _, way in PROBES.values()], float)
    starts -= 0.05 * directions * body.mesh.diagonal
    here = Placed(body, Pose(np.eye(3), np.zeros(3)))
    distance = first_opaque(here, starts, directions)
    reached: np.ndarray = (
        starts + np.where(np.isfinite(distance), distance, np.nan)[:, None] * directions
    )
    return reached


def _apart(points: np.ndarray, least: float) -> np.ndarray:
    """NaN for points that lie too near to an earlier one."""
    points = points.copy()
    for at in range(1, len(points)):
        away = np.linalg.norm(points[:at] - points[at], axis=1)
        if (away < least).any():
            points[at] = np.nan
    return points


def _surface_points(
    body: Body, outside: Outside, shared: np.ndarray, symmetry: Symmetry
) -> np.ndarray:
    """[N, 3]: well apart; with its mirror image beside each, where the mesh is symmetric."""
    known = shared[np.isfinite(shared).all(axis=1)]
    least = APART * body.mesh.diagonal
    if not symmetry.mirror:
        picked = farthest(outside.points, SURFACE, known)
        own: np.ndarray = outside.points[picked]
        return own
    left = outside.points[outside.points[:, 1] > least]
    picked = farthest(left, SURFACE // 2, known)
    pairs = np.stack([left[picked], left[picked] * (1, -1, 1)], axis=1)
    return pairs.reshape(-1, 3)


def _order(points: np.ndarray, moved: np.ndarray, tolerance: float) -> tuple[int, ...] | None:
    """For each point the one that its moved place is; None if some point has no partner.

    A point that the mesh does not have, NaN, keeps its place; that both of a pair are missing or
    none is part of the check.
    """
    known = np.isfinite(points).all(axis=1)
    order = np.arange(len(points))
    at = np.flatnonzero(known)
    if not len(at):
        return None
    away = np.linalg.norm(moved[at][:, None] - points[at][None], axis=2)
    partner = away.argmin(axis=1)
    if (away.min(axis=1) > tolerance).any() or len(set(partner)) < len(partner):
        return None
    order[at] = at[partner]
    return tuple(int(one) for one in order)


def _turn(angle: float) -> np.ndarray:
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def as_permutations(keypoints: Keypoints, chosen: Sequence[int]) -> list[tuple[int, ...]]:
    """The rotations of the object as permutations of some of its keypoints; those that lead out of
    the chosen ones are left out."""
    place = {one: at for at, one in enumerate(chosen)}
    orders = [[order[one] for one in chosen] for order in keypoints.rotated]
    return [
        tuple(place[to] for to in order) for order in orders if all(to in place for to in order)
    ]
