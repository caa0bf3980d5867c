"""Meshes as bodies that rays are traced against, with Embree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cape_ros.lab.datasets.rendered.cameras import Pose
from cape_ros.lab.datasets.rendered.meshes import Material, Mesh, require_renderer

LAYERS = 4  # transparent surfaces that a ray passes through
STEP = 1e-4  # part of the diagonal that a ray goes on behind a surface
SLACK = 0.012  # part of the diagonal by which a keypoint may lie behind what the ray hits
OPAQUE = 0.5  # of this opacity a surface hides what is behind it


@dataclass(frozen=True, eq=False)
class Hits:
    """Where rays hit a body first: rays [N] indices, distance [N] along them, face [N], bary [N, 3]
    weights of the face's vertices."""

    rays: np.ndarray
    distance: np.ndarray
    face: np.ndarray
    bary: np.ndarray


class Body:
    """A mesh ready to be traced; rays are of the object frame."""

    def __init__(self, mesh: Mesh):
        require_renderer()
        from embreex.mesh_construction import TriangleMesh
        from embreex.rtcore_scene import EmbreeScene

        self.mesh = mesh
        self._unit = mesh.diagonal  # Embree computes in float32: the box gets diagonal 1
        self._scene = EmbreeScene()
        self._triangles = TriangleMesh(
            self._scene, (mesh.vertices / self._unit).astype(np.float32), mesh.faces
        )

    def hit(self, origins: np.ndarray, directions: np.ndarray) -> Hits:
        """Origins and directions [N, 3]; distances are in lengths of the directions."""
        found = self._scene.run(*self._scaled(origins, directions), output=1)
        rays = np.flatnonzero(found["primID"] >= 0)
        u, v = found["u"][rays], found["v"][rays]
        bary = np.stack([1 - u - v, u, v], axis=1)
        return Hits(rays, found["tfar"][rays].astype(np.float64), found["primID"][rays], bary)

    def blocks(self, origins: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """[N] bool, whether a ray hits anything."""
        if not len(origins):
            return np.zeros(0, bool)
        answer = self._scene.run(*self._scaled(origins, directions), query="OCCLUDED")
        blocked: np.ndarray = answer == 0
        return blocked

    def opacity(self, hits: Hits) -> np.ndarray:
        """[N] in [0, 1], where rays hit."""
        mesh = self.mesh
        opacity: np.ndarray = np.array([one.opacity for one in mesh.materials])[
            mesh.material[hits.face]
        ]
        for number, material in enumerate(mesh.materials):
            if material.texture is not None and (material.texture[..., 3] < 1).any():
                here = mesh.material[hits.face] == number
                opacity[here] *= self.texels(hits, here, material)[:, 3]
        return opacity

    def texels(self, hits: Hits, which: np.ndarray, material: Material) -> np.ndarray:
        """RGBA [M, 4] of a material's texture at some of the hits, bilinear."""
        assert material.texture is not None
        texture, uv = material.texture, self._uv(hits, which, material.repeat)
        height, width = texture.shape[:2]
        x = (uv[:, 0] % 1) * width - 0.5
        y = (1 - uv[:, 1]) % 1 * height - 0.5
        x0, y0 = np.floor(x).astype(int), np.floor(y).astype(int)
        fx, fy = (x - x0)[:, None], (y - y0)[:, None]
        rows, columns = (y0 % height, (y0 + 1) % height), (x0 % width, (x0 + 1) % width)
        top = texture[rows[0], columns[0]] * (1 - fx) + texture[rows[0], columns[1]] * fx
        low = texture[rows[1], columns[0]] * (1 - fx) + texture[rows[1], columns[1]] * fx
        mixed: np.ndarray = top * (1 - fy) + low * fy
        return mixed

    def _uv(self, hits: Hits, which: np.ndarray, repeat: float) -> np.ndarray:
        mesh = self.mesh
        corners = mesh.faces[hits.face[which]]
        uv: np.ndarray
        if not repeat:
            uv = np.einsum("nk,nkc->nc", hits.bary[which], mesh.uv[corners])
            return uv
        a, b, c = (mesh.vertices[corners[:, at]] for at in range(3))
        points = np.einsum("nk,nkc->nc", hits.bary[which], mesh.vertices[corners])
        seen_from = np.abs(np.cross(b - a, c - a)).argmax(axis=1)
        plane = np.array([[1, 2], [0, 2], [0, 1]])[seen_from]
        uv = np.take_along_axis(points, plane, axis=1) / repeat
        return uv

    def normals(self, hits: Hits, directions: np.ndarray) -> np.ndarray:
        """[N, 3] unit, towards where the rays come from: which way the file's point is no matter.

        directions: [N, 3], of the hits.
        """
        mesh = self.mesh
        corners = mesh.faces[hits.face]
        a, b, c = (mesh.vertices[corners[:, at]] for at in range(3))
        flat = _unit(np.cross(b - a, c - a))
        smooth = np.einsum("nk,nkc->nc", hits.bary, mesh.normals[corners])
        smooth *= np.sign((smooth * flat).sum(axis=1, keepdims=True))
        smooth = np.where(np.linalg.norm(smooth, axis=1, keepdims=True) > 0.3, _unit(smooth), flat)
        back = (flat * directions).sum(axis=1, keepdims=True) > 0
        turned: np.ndarray = np.where(back, -smooth, smooth)
        return turned

    def _scaled(self, origins: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return tuple(  # type: ignore[return-value]
            np.ascontiguousarray(some / self._unit, np.float32) for some in (origins, directions)
        )


@dataclass(frozen=True, eq=False)
class Placed:
    """A body in front of a camera. ground: others stand on it."""

    body: Body
    pose: Pose
    ground: bool = False

    @property
    def order(self) -> float:
        """How far away it is; the ground is further than what stands on it."""
        return float("inf") if self.ground else float(self.pose.translation[2])

    def to_object(
        self, origins: np.ndarray, directions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Rays of the optical frame in the object's; distances along them stay."""
        turned = directions @ self.pose.rotation / self.pose.scale
        return self.pose.to_object(origins), turned

    def shadows(self, origins: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """[N] bool, whether it stands in a ray's way; rays [N, 3] of the optical frame."""
        return self.body.blocks(*self.to_object(origins, directions))


def visible(points: np.ndarray, of: Placed, everything: list[Placed]) -> np.ndarray:
    """[K] bool, whether the camera sees these points [K, 3], optical frame, of a placed body.

    A point counts as seen if the first opaque surface on its ray is not nearer than it, up to
    `SLACK` of its body's diagonal. NaN is not seen.
    """
    seen: np.ndarray = np.isfinite(points).all(axis=1) & (np.nan_to_num(points[:, 2]) > 0)
    rays = np.flatnonzero(seen)
    slack = SLACK * of.body.mesh.diagonal * of.pose.scale / np.linalg.norm(points[rays], axis=1)
    for placed in everything:
        nearest = first_opaque(placed, np.zeros((len(rays), 3)), points[rays])
        seen[rays] &= nearest >= 1 - slack
    return seen


def first_opaque(placed: Placed, origins: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """[N] distance to the first surface that hides what is behind it, in lengths of the directions;
    infinite where there is none."""
    origins, directions = placed.to_object(origins, directions)
    nearest = np.full(len(origins), np.inf)
    passed = np.zeros(len(origins))
    alive = np.arange(len(origins))
    step = STEP * placed.body.mesh.diagonal
    for _ in range(LAYERS):
        if not len(alive):
            break
        starts = origins[alive] + directions[alive] * passed[alive, None]
        hits = placed.body.hit(starts, directions[alive])
        hit = alive[hits.rays]
        passed[hit] += hits.distance
        solid = placed.body.opacity(hits) >= OPAQUE
        nearest[hit[solid]] = passed[hit[solid]]
        alive = hit[~solid]
        passed[alive] += step / np.linalg.norm(directions[alive], axis=1)
    return nearest


def _unit(vectors: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: np.ndarray = vectors / np.maximum(length, 1e-12)
    return unit
