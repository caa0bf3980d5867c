"""Renders one object: a camera on some side, a background, clutter, occluders, camera noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator

from cape_ros.lab.datasets.rendered.camera_noise import CameraNoise
from cape_ros.lab.datasets.rendered.cameras import (
    Camera,
    Pose,
    corners_of,
    looking_from,
    place,
    side,
)
from cape_ros.lab.datasets.rendered.materials import board
from cape_ros.lab.datasets.rendered.shading import Lighting, draw, up_in_camera, window_of
from cape_ros.lab.datasets.rendered.tracing import Body, Placed, first_opaque, visible
from cape_ros.perception.geometry import Box

LEAST_SHOWN = 0.35  # part of an object that its occluders leave
MILLIMETRES = 1000.0
FURTHEST = 65.5  # metres that 16 bits of millimetres hold


@dataclass(frozen=True, eq=False)
class InstanceTruth:
    """One object in an image.

    keypoints: [K, 2] float32 pixels, NaN where the mesh has none or behind the camera. visible: [K]
    bool, in the image and not covered. box: around all of the object, of it as far as it is in the
    image. shown: part of its pixels in the image that nothing covers.
    """

    pose: Pose
    keypoints: np.ndarray
    visible: np.ndarray
    box: Box
    shown: float


@dataclass(frozen=True, eq=False)
class Picture:
    """pixels: [H, W, 3] uint8 RGB. depth: [H, W] uint16 millimetres, 0 = unknown. quality: of the
    JPEG file that the camera would write."""

    pixels: np.ndarray
    depth: np.ndarray
    camera: Camera
    instances: tuple[InstanceTruth, ...]
    quality: int


def render_view(
    body: Body,
    points: np.ndarray,
    azimuth: float,
    elevation: float,
    generator: Generator,
    photographs: Sequence[np.ndarray],
    others: Sequence[Body] = (),
    size: tuple[int, int] = (288, 288),
) -> Picture:
    """One object from a side, with what training wants beside it.

    points: [K, 3] metres, object frame. azimuth, elevation: degrees. photographs: [H, W, 3] uint8
    RGB, backgrounds and table tops. others: clutter and occluders.
    """
    camera = Camera.of_view(size, generator.uniform(25, 62))
    rotation = looking_from(side(azimuth, elevation), generator.normal(0, 7))
    middle = np.array(size[::-1]) * (0.5 + generator.uniform(-0.07, 0.07, 2))
    extent = min(size) * generator.uniform(0.5, 0.72)
    pose = place(camera, rotation, _pair(middle), extent, corners_of(body.mesh.extent))
    subject = Placed(body, pose)
    around = [subject]
    if elevation > 6 and generator.random() < 0.4:
        around.append(_ground(subject, generator, photographs))
    count = int(generator.choice(4, p=(0.35, 0.3, 0.2, 0.15)))
    around += [_beside(camera, subject, one, generator) for one in _some(others, count, generator)]
    covering = [
        _in_front(camera, subject, one, generator)
        for one in _some(others, int(generator.random() < 0.3), generator)
    ]
    if covering and shown_share(camera, subject, around + covering) >= LEAST_SHOWN:
        around += covering
    background = cut_background(photographs, size, generator)
    return take_picture(camera, around, [(0, points)], background, generator)


def take_picture(
    camera: Camera,
    placed: Sequence[Placed],
    subjects: Sequence[tuple[int, np.ndarray]],
    background: np.ndarray,
    generator: Generator,
    strength: float = 1.0,
    lighting: Lighting | None = None,
) -> Picture:
    """Draw everything in front of a background, in some light, as a camera sees it.

    subjects: indices into `placed` of the objects whose truth is wanted, and their keypoints
    [K, 3] of the object frame. background: [H, W, 3] uint8. strength: of
    the camera's noise. lighting: drawn if not given.
    """
    if lighting is None:
        upright = placed[-1].pose.rotation if placed else looking_from(side(0, 0))
        lighting = Lighting.draw(generator, up_in_camera(upright))
    drawing = draw(camera, placed, lighting)
    pixels = drawing.over(background)
    noise = CameraNoise.draw(generator, strength)
    known = np.where(drawing.depth < FURTHEST, drawing.depth, 0) * MILLIMETRES
    truths = [truth_of(camera, placed, number, points) for number, points in subjects]
    return Picture(
        noise.apply(pixels, generator),
        np.round(known).astype(np.uint16),
        camera,
        tuple(truths),
        noise.quality,
    )


def truth_of(
    camera: Camera, placed: Sequence[Placed], number: int, points: np.ndarray
) -> InstanceTruth:
    """Where one of the placed objects is in the image, by its keypoints [K, 3]."""
    one = placed[number]
    moved = one.pose.apply(points)
    pixels = camera.project(moved)
    height, width = camera.size
    inside = ((pixels >= -0.5) & (pixels <= (width - 0.5, height - 0.5))).all(axis=1)
    seen = inside & visible(moved, one, list(placed))
    alone, covered = silhouettes(camera, one, placed)
    share = float((alone & ~covered).sum() / max(alone.sum(), 1))
    return InstanceTruth(one.pose, pixels.astype(np.float32), seen, _box_of(alone), share)


def shown_share(camera: Camera, one: Placed, placed: Sequence[Placed]) -> float:
    """Part of an object's pixels that nothing covers; 0 beside the image."""
    alone, covered = silhouettes(camera, one, placed)
    return float((alone & ~covered).sum() / max(alone.sum(), 1))


def silhouettes(
    camera: Camera, one: Placed, placed: Sequence[Placed]
) -> tuple[np.ndarray, np.ndarray]:
    """[H, W] bool twice: what an object alone would cover, and where others are before it."""
    height, width = camera.size
    alone, covered = np.zeros((height, width), bool), np.zeros((height, width), bool)
    window = window_of(camera, one)
    if window is None:
        return alone, covered
    x0, y0, x1, y1 = window
    x, y = np.meshgrid(np.arange(x0, x1), np.arange(y0, y1))
    rays = camera.rays(np.stack([x, y], axis=-1).reshape(-1, 2))
    own = first_opaque(one, np.zeros((len(rays), 3)), rays)
    rays, hit = rays[np.isfinite(own)], np.flatnonzero(np.isfinite(own))
    nearest = np.full(len(rays), np.inf)
    for other in placed:
        if other is not one:
            nearest = np.minimum(nearest, first_opaque(other, np.zeros((len(rays), 3)), rays))
    flat_alone, flat_covered = np.zeros(x.size, bool), np.zeros(x.size, bool)
    flat_alone[hit] = True
    flat_covered[hit] = nearest < own[hit]
    alone[y0:y1, x0:x1] = flat_alone.reshape(x.shape)
    covered[y0:y1, x0:x1] = flat_covered.reshape(x.shape)
    return alone, covered


def cut_background(
    photographs: Sequence[np.ndarray], size: tuple[int, int], generator: Generator
) -> np.ndarray:
    """[H, W, 3] uint8: a part of a photograph, sometimes mirrored; grey without any."""
    if not len(photographs):
        return np.full((*size, 3), 128, np.uint8)
    image = photographs[int(generator.integers(len(photographs)))]
    height, width = image.shape[:2]
    scale = min(height / size[0], width / size[1]) * generator.uniform(0.6, 1.0)
    h, w = max(1, round(scale * size[0])), max(1, round(scale * size[1]))
    y, x = generator.integers(height - h + 1), generator.integers(width - w + 1)
    part = cv2.resize(image[y : y + h, x : x + w], size[::-1], interpolation=cv2.INTER_LINEAR)
    return part[:, ::-1] if generator.random() < 0.5 else part


def _ground(subject: Placed, generator: Generator, photographs: Sequence[np.ndarray]) -> Placed:
    """A table top under the object."""
    mesh, pose = subject.body.mesh, subject.pose
    photograph = photographs[int(generator.integers(len(photographs)))] if photographs else None
    top = Body(board(mesh.diagonal * float(generator.uniform(1.5, 4)), generator, photograph))
    bottom = pose.apply(np.array([0, 0, -mesh.extent[2] / 2]))
    return Placed(top, Pose(pose.rotation, bottom), ground=True)


def _beside(camera: Camera, subject: Placed, body: Body, generator: Generator) -> Placed:
    """Clutter: anywhere, further away than the object."""
    middle = generator.uniform(0, 1, 2) * camera.size[::-1]
    extent = min(camera.size) * generator.uniform(0.15, 0.6)
    depth = subject.pose.translation[2] + subject.body.mesh.diagonal * generator.uniform(0.6, 1.5)
    return standing(camera, body, generator, middle, extent, depth)


def _in_front(camera: Camera, subject: Placed, body: Body, generator: Generator) -> Placed:
    """An occluder: before the object, at its edge."""
    corners = camera.project(subject.pose.apply(corners_of(subject.body.mesh.extent)))
    low, high = corners.min(axis=0), corners.max(axis=0)
    middle = low + generator.uniform(0, 1, 2) * (high - low)
    middle += np.sign(middle - (low + high) / 2) * 0.15 * (high - low)
    extent = float((high - low).max() * generator.uniform(0.25, 0.55))
    depth = 0.55 * (subject.pose.translation[2] - subject.body.mesh.diagonal / 2)
    return standing(camera, body, generator, middle, extent, max(depth, 0.01))


def standing(
    camera: Camera,
    body: Body,
    generator: Generator,
    middle: np.ndarray,
    extent: float,
    depth: float,
) -> Placed:
    """A body on some side at a place of the image, of a size in pixels, at a depth in metres."""
    azimuth, elevation = (
        generator.uniform(0, 360),
        float(np.clip(generator.normal(20, 15), -10, 70)),
    )
    rotation = looking_from(side(azimuth, elevation), generator.normal(0, 7))
    pose = place(camera, rotation, _pair(middle), extent, corners_of(body.mesh.extent))
    factor = depth / pose.translation[2]  # nearer and smaller, or further and larger
    return Placed(body, Pose(rotation, pose.translation * factor, pose.scale * factor))


def _some(bodies: Sequence[Body], count: int, generator: Generator) -> list[Body]:
    return [bodies[int(at)] for at in generator.permutation(len(bodies))[:count]]


def _box_of(mask: np.ndarray) -> Box:
    """x, y, width, height around the pixels of a mask; zeros for an empty one."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return 0.0, 0.0, 0.0, 0.0
    x, y = float(columns[0]), float(rows[0])
    return x, y, float(columns[-1] + 1 - x), float(rows[-1] + 1 - y)


def _pair(values: np.ndarray) -> tuple[float, float]:
    return float(values[0]), float(values[1])
