"""A simulated RGB-D camera: boxes and open cups on a table, with exact truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cape_ros.perception.spatial import CameraModel

SIZE = 400, 300  # pixels of the image: width, height
FOCAL = 600.0
BOX = np.array([0.05, 0.04, 0.06])  # [m] half of the sides
CUP = 0.04, 0.05  # [m] radius, half of the height


def camera(d: tuple[float, ...] = (), model: str = "plumb_bob") -> CameraModel:
    k = [FOCAL, 0, SIZE[0] / 2, 0, FOCAL, SIZE[1] / 2, 0, 0, 1]
    return CameraModel.of(k, d, model)


def box_keypoints() -> np.ndarray:
    """[14, 3]: the corners, and the middles of the faces."""
    corners = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)
    return np.concatenate((corners, np.eye(3), -np.eye(3))) * BOX


def cup_keypoints() -> np.ndarray:
    """[12, 3]: eight on the rim, four on the foot; z is up."""
    radius, half = CUP
    angles = np.concatenate((np.arange(8) * np.pi / 4, np.arange(4) * np.pi / 2))
    heights = np.repeat((half, -half), (8, 4))
    return np.column_stack((radius * np.cos(angles), radius * np.sin(angles), heights))


@dataclass(frozen=True, eq=False)
class View:
    """An object before the camera. points: [K, 3] true keypoints in the optical frame. visible:
    [K]. pixels: [K, 2]. depth: [H, W] metres, without noise. table: [H, W] of the table alone.
    rotation, translation: of the object.
    """

    points: np.ndarray
    visible: np.ndarray
    pixels: np.ndarray
    depth: np.ndarray
    table: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray

    @property
    def box(self) -> tuple[float, float, float, float]:
        """x, y, width, height around the keypoints, in pixels."""
        x, y = self.pixels.min(axis=0).tolist()
        width, height = np.ptp(self.pixels, axis=0).tolist()
        return x, y, width, height

    @property
    def size(self) -> float:
        """The longer side of the box around the keypoints, in pixels."""
        return float(np.ptp(self.pixels, axis=0).max())


def view(kind: str, generator: np.random.Generator, model: CameraModel | None = None) -> View:
    """kind: "box" or "cup", at 0.4 to 1 m, seen 20 to 60 degrees from above."""
    model = model or camera()
    local = box_keypoints() if kind == "box" else cup_keypoints()
    height = BOX[2] if kind == "box" else CUP[1]
    down, yaw = np.radians(generator.uniform(20, 60)), generator.uniform(0, 2 * np.pi)
    upright = np.array(
        [[1, 0, 0], [0, -np.sin(down), -np.cos(down)], [0, np.cos(down), -np.sin(down)]]
    )
    spin = np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
    rotation = upright @ spin
    translation = np.append(generator.uniform(-0.03, 0.03, 2), generator.uniform(0.4, 1.0))
    columns, rows = np.meshgrid(np.arange(SIZE[0]), np.arange(SIZE[1]))
    pixels = np.stack((columns.ravel(), rows.ravel()), axis=1).astype(float)
    rays = model.rays(pixels)
    depth = _cast(kind, height, rotation, translation, rays).reshape(SIZE[::-1])
    table = _cast("", height, rotation, translation, rays).reshape(SIZE[::-1])
    points = local @ rotation.T + translation
    towards = points[:, :2] / points[:, 2:]
    # A little before the keypoint, so that its own surface does not hide it.
    hidden = _cast(kind, height, rotation, translation, towards) < points[:, 2] - 2e-4
    places = model.project(points)
    return View(points, ~hidden, places, depth, table, rotation, translation)


def _cast(
    kind: str, height: float, rotation: np.ndarray, translation: np.ndarray, rays: np.ndarray
) -> np.ndarray:
    """Depth [N] along rays [N, 2] of the object and the table that it stands on."""
    along = np.column_stack((rays, np.ones(len(rays)))) @ rotation  # in the object's axes
    start = -translation @ rotation
    with np.errstate(divide="ignore", invalid="ignore"):
        table = (-height - start[2]) / along[:, 2]
        table = np.where(table > 0, table, 10.0)
        hits = [table]
        if kind == "box":
            near, far = (np.sort(((s * BOX - start) / along)[None], 0)[0] for s in (-1, 1))
            near, far = np.minimum(near, far).max(axis=1), np.maximum(near, far).min(axis=1)
            hits.append(np.where(near < far, near, np.inf))
        elif kind == "cup":
            radius, half = CUP
            a = (along[:, :2] ** 2).sum(1)
            b = along[:, :2] @ start[:2]
            root = np.sqrt(b * b - a * ((start[:2] ** 2).sum() - radius**2))
            for sign in (-1, 1):
                hit = (-b + sign * root) / a
                inside = np.abs(start[2] + hit * along[:, 2]) <= half
                hits.append(np.where(inside & (hit > 0), hit, np.inf))
            foot = (-half - start[2]) / along[:, 2]
            place = start[:2] + foot[:, None] * along[:, :2]
            hits.append(np.where((place**2).sum(1) <= radius**2, foot, np.inf))
    return np.nanmin(hits, axis=0)


def measure(depth: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """[H, W] uint16 millimetres: noise, holes, mixed depths and shadows at the edges."""
    noisy = depth + generator.normal(size=depth.shape) * 0.004 * depth**2
    edge = np.zeros(depth.shape, bool)
    edge[:, 1:] |= np.abs(np.diff(depth, axis=1)) > 0.02
    edge[1:] |= np.abs(np.diff(depth, axis=0)) > 0.02
    behind = np.maximum(depth, np.roll(depth, 1, axis=1))
    mixed = edge & (generator.random(depth.shape) < 0.6)
    noisy = np.where(mixed, depth + generator.random(depth.shape) * (behind - depth), noisy)
    holes = generator.random(depth.shape) < np.where(edge, 0.3, 0.02)
    for _ in range(3):  # larger holes
        x, y = generator.integers(0, SIZE[0]), generator.integers(0, SIZE[1])
        holes[y : y + 12, x : x + 12] = True
    return np.where(holes, 0, np.rint(noisy * 1000)).astype(np.uint16)
