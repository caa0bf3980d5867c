"""Points on the outside of a mesh, and the symmetries that they show."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from cape_ros.lab.datasets.rendered.cameras import side
from cape_ros.lab.datasets.rendered.tracing import Body

SAMPLED = 2500  # points of a surface
DIRECTIONS = [side(a, e) for e in (-20, 10, 40) for a in range(0, 360, 45)] + [side(0, 90)]
ROTATIONS = (180, 90, 120, 60, 45, 37, 23)  # degrees that are tried; the last two mean any
ROUND = (37, 23)
ALIKE, MISFITS = 0.035, 0.06  # distance of points that match, and the share that may not
COLOUR = 0.25  # a difference of a whole colour channel counts as this part of the diagonal


@dataclass(frozen=True, eq=False)
class Outside:
    """points: [N, 3] metres, that some camera around the object sees. normals: [N, 3]. colours:
    [N, 3] RGB."""

    points: np.ndarray
    normals: np.ndarray
    colours: np.ndarray


@dataclass(frozen=True)
class Symmetry:
    """mirror: whether left and right are mirror images. rotations: degrees about the vertical that
    leave the object as it is. any_rotation: it is round."""

    mirror: bool
    rotations: tuple[int, ...]
    any_rotation: bool


def sample_outside(body: Body, generator: Generator) -> Outside:
    """Points by area; those that no camera around the object sees are left out."""
    mesh = body.mesh
    corners = mesh.vertices[mesh.faces].astype(np.float64)
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(cross, axis=1)
    face = generator.choice(len(area), SAMPLED, p=area / area.sum())
    u, v = generator.random(SAMPLED), generator.random(SAMPLED)
    folded = u + v > 1
    u, v = np.where(folded, 1 - u, u), np.where(folded, 1 - v, v)
    bary = np.stack([1 - u - v, u, v], axis=1)
    points = np.einsum("nk,nkc->nc", bary, corners[face])
    normals = cross[face] / area[face, None]
    seen = np.zeros(SAMPLED, bool)
    far = 10 * mesh.diagonal
    for direction in DIRECTIONS:
        turned = np.sign(normals @ direction)[:, None] * normals
        starts = points + 1e-3 * mesh.diagonal * turned
        seen |= ~body.blocks(starts, np.repeat(far * direction[None], SAMPLED, axis=0))
    colours = _colours(body, face, bary)
    return Outside(points[seen], normals[seen], colours[seen])


def symmetry_of(outside: Outside, extent: np.ndarray) -> Symmetry:
    """The symmetries that shape and colour have together."""
    diagonal = float(np.linalg.norm(extent))
    if len(outside.points) < 100:
        return Symmetry(False, (), False)
    mirror = _fits(outside, np.diag([1.0, -1.0, 1.0]), diagonal)
    square = abs(extent[0] - extent[1]) < 0.06 * max(extent[:2])
    tried = [angle for angle in ROTATIONS if square or angle == 180]
    found = [angle for angle in tried if _fits(outside, _about_vertical(angle), diagonal)]
    any_rotation = set(ROUND) <= set(found)
    least = min((angle for angle in found if angle not in ROUND), default=360)
    rotations = () if any_rotation else tuple(range(least, 360, least))
    return Symmetry(mirror, rotations, any_rotation)


def farthest(points: np.ndarray, count: int, chosen: np.ndarray) -> np.ndarray:
    """[M] indices, M <= count, of points [N, 3] that lie far from each other and from those chosen
    before [C, 3]."""
    if not len(points):
        return np.zeros(0, int)
    away = np.full(len(points), np.inf)
    for one in chosen:
        away = np.minimum(away, np.linalg.norm(points - one, axis=1))
    picked: list[int] = []
    for _ in range(min(count, len(points))):
        at = int(np.argmax(away)) if np.isfinite(away).all() else 0
        picked.append(at)
        away = np.minimum(away, np.linalg.norm(points - points[at], axis=1))
    return np.array(picked)


def _colours(body: Body, face: np.ndarray, bary: np.ndarray) -> np.ndarray:
    from cape_ros.lab.datasets.rendered.shading import surface_colour
    from cape_ros.lab.datasets.rendered.tracing import Hits

    hits = Hits(np.arange(len(face)), np.zeros(len(face)), face, bary)
    return surface_colour(body, hits)[0]


def _about_vertical(angle: float) -> np.ndarray:
    c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])


def _fits(outside: Outside, matrix: np.ndarray, diagonal: float) -> bool:
    """Whether the moved surface lies on the surface, with like colours."""
    here = np.concatenate([outside.points / diagonal, COLOUR * outside.colours], axis=1)
    moved = np.concatenate([outside.points @ matrix.T / diagonal, COLOUR * outside.colours], axis=1)
    squares = (here**2).sum(axis=1) - 2 * moved @ here.T + (moved**2).sum(axis=1)[:, None]
    nearest = np.sqrt(np.clip(squares.min(axis=1), 0, None))
    return bool((nearest > ALIKE).mean() < MISFITS)
