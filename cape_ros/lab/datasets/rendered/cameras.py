"""Pinhole cameras around an object."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator


@dataclass(frozen=True, eq=False)
class Camera:
    """A pinhole camera without distortion.

    size: (height, width) in pixels. focal: pixels. centre: (x, y) of the optical axis, pixels.
    """

    size: tuple[int, int]
    focal: float
    centre: tuple[float, float]

    @classmethod
    def of_view(cls, size: tuple[int, int], field_of_view: float) -> Camera:
        """field_of_view: degrees across the longer side."""
        height, width = size
        focal = max(size) / 2 / math.tan(math.radians(field_of_view) / 2)
        return cls(size, focal, ((width - 1) / 2, (height - 1) / 2))

    def project(self, points: np.ndarray) -> np.ndarray:
        """Points [..., 3] in the optical frame (x right, y down, z forward) to pixels [..., 2];
        NaN behind the camera."""
        depth = np.where(points[..., 2:] > 1e-6, points[..., 2:], np.nan)
        pixels: np.ndarray = points[..., :2] / depth * self.focal + np.array(self.centre)
        return pixels

    def rays(self, pixels: np.ndarray) -> np.ndarray:
        """Directions [..., 3] of pixels [..., 2], with z = 1: a distance along them is a depth."""
        plane = (np.asarray(pixels, np.float64) - np.array(self.centre)) / self.focal
        return np.concatenate([plane, np.ones((*plane.shape[:-1], 1))], axis=-1)


@dataclass(frozen=True, eq=False)
class Pose:
    """Where an object is: x_camera = scale * rotation @ x_object + translation.

    rotation: [3, 3]. translation: [3], metres in the optical frame. scale: 1 = as it is.
    """

    rotation: np.ndarray
    translation: np.ndarray
    scale: float = 1.0

    def apply(self, points: np.ndarray) -> np.ndarray:
        """[..., 3] of the object frame to the camera's."""
        moved: np.ndarray = self.scale * points @ self.rotation.T + self.translation
        return moved

    def to_object(self, points: np.ndarray) -> np.ndarray:
        """[..., 3] of the camera's frame to the object's."""
        moved: np.ndarray = (points - self.translation) @ self.rotation / self.scale
        return moved

    @property
    def from_side(self) -> np.ndarray:
        """[3] unit vector of the object frame that points from the object to the camera."""
        towards = -self.rotation.T @ self.translation
        side: np.ndarray = towards / np.linalg.norm(towards)
        return side


def side(azimuth: float, elevation: float) -> np.ndarray:
    """The unit vector towards a camera; degrees, azimuth 0 = in front, counter-clockwise from
    above."""
    a, e = math.radians(azimuth), math.radians(elevation)
    return np.array([math.cos(e) * math.cos(a), math.cos(e) * math.sin(a), math.sin(e)])


def angle_between(one: np.ndarray, other: np.ndarray) -> float:
    """Degrees between two unit vectors."""
    return math.degrees(math.acos(float(np.clip(one @ other, -1, 1))))


def looking_from(towards: np.ndarray, roll: float = 0.0) -> np.ndarray:
    """The rotation [3, 3] from an upright object frame to the optical frame of a camera that lies
    in this direction and looks at the origin. roll: degrees, clockwise in the image."""
    forward = -towards
    up = np.array([0.0, 0.0, 1.0])
    right = np.cross(forward, up)
    if np.linalg.norm(right) < 1e-6:  # from straight above
        right = np.array([0.0, 1.0, 0.0])
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    c, s = math.cos(math.radians(roll)), math.sin(math.radians(roll))
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    rotation: np.ndarray = turn @ np.stack([right, down, forward])
    return rotation


def place(
    camera: Camera,
    rotation: np.ndarray,
    middle: tuple[float, float],
    extent: float,
    corners: np.ndarray,
) -> Pose:
    """The pose at which the object's box fills so many pixels around a pixel of the image.

    extent: the longer side of the corners' hull in pixels. corners: [8, 3] of the object's box.
    """
    ray = camera.rays(np.array(middle))
    radius = float(np.linalg.norm(corners, axis=1).max())
    distance = 2 * radius * camera.focal / extent
    for _ in range(8):
        pose = Pose(rotation, ray * distance)
        pixels = camera.project(pose.apply(corners))
        if not np.isfinite(pixels).all():
            distance *= 2
            continue
        spread = float((pixels.max(axis=0) - pixels.min(axis=0)).max())
        distance = max(distance * spread / extent, 1.05 * radius)
    return Pose(rotation, ray * distance)


def draw_sides(generator: Generator, count: int) -> list[tuple[float, float]]:
    """Azimuths and elevations in degrees: all around, mostly from a little above."""
    start = generator.uniform(0, 360)
    azimuths = (
        start + 360 / count * (np.arange(count) + generator.uniform(-0.5, 0.5, count))
    ) % 360
    elevations = np.clip(generator.normal(22, 18, count), -12, 75)
    return [(float(a), float(e)) for a, e in zip(azimuths, elevations, strict=True)]


def corners_of(extent: np.ndarray) -> np.ndarray:
    """The corners [8, 3] of a box [3] around the origin."""
    signs = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1], indexing="ij")).reshape(3, 8).T
    corners: np.ndarray = signs * extent / 2
    return corners
