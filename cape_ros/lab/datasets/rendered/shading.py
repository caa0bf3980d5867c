"""Draws placed bodies in front of a camera: colours, shadows, depth, which body a pixel shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator

from cape_ros.lab.datasets.rendered.cameras import Camera, corners_of, side
from cape_ros.lab.datasets.rendered.tracing import LAYERS, OPAQUE, STEP, Body, Hits, Placed

SAMPLES = 2  # rays across and down a pixel
LEAST = 0.02  # a ray that so little passes through ends


@dataclass(frozen=True, eq=False)
class Lighting:
    """A key light from far away and light from all around.

    towards: [3] unit, optical frame, to the key light. key, ambient: RGB [3]. fill: RGB [3] of a
    weak light at the camera. gloss: factor of every material's shine.
    """

    towards: np.ndarray
    key: np.ndarray
    ambient: np.ndarray
    fill: np.ndarray
    gloss: float

    @classmethod
    def draw(cls, generator: Generator, up: np.ndarray) -> Lighting:
        """up: [3] unit, optical frame; the key light is above."""
        away = generator.normal(size=3)
        towards = up * generator.uniform(0.5, 1.5) + away / np.linalg.norm(away)
        towards /= max(float(np.linalg.norm(towards)), 1e-6)
        tint = np.exp(generator.normal(0, 0.07, 3))
        ambient = generator.uniform(0.3, 0.6)
        return cls(
            towards,
            tint * generator.uniform(0.4, 0.8),
            np.exp(generator.normal(0, 0.04, 3)) * ambient,
            np.full(3, generator.uniform(0.05, 0.2)),
            float(generator.uniform(0, 0.6)),
        )


@dataclass(frozen=True, eq=False)
class Drawing:
    """colours: [H, W, 3] float32 in [0, 1], times alpha. alpha: [H, W]. depth: [H, W] float32
    metres, infinite where there is nothing opaque. owner: [H, W] int16, the index of the body that
    a pixel shows, -1 = none."""

    colours: np.ndarray
    alpha: np.ndarray
    depth: np.ndarray
    owner: np.ndarray

    def over(self, background: np.ndarray) -> np.ndarray:
        """[H, W, 3] uint8, in front of a photograph of that size."""
        mixed = self.colours + background.astype(np.float32) / 255 * (1 - self.alpha[..., None])
        pixels: np.ndarray = np.clip(mixed * 255 + 0.5, 0, 255).astype(np.uint8)
        return pixels


def draw(
    camera: Camera,
    placed: Sequence[Placed],
    lighting: Lighting,
    tints: Sequence[np.ndarray] | None = None,
) -> Drawing:
    """Everything that is placed, far things first. tints: RGB factors [3] for each."""
    height, width = camera.size
    rows, columns = height * SAMPLES, width * SAMPLES
    colours = np.zeros((rows, columns, 3), np.float32)
    alpha = np.zeros((rows, columns), np.float32)
    depth = np.full((rows, columns), np.inf, np.float32)
    owner = np.full((rows, columns), -1, np.int16)
    far_first = sorted(range(len(placed)), key=lambda at: -placed[at].order)
    for number in far_first:
        window = window_of(camera, placed[number])
        if window is None:
            continue
        tint = np.ones(3) if tints is None else tints[number]
        x0, y0, x1, y1 = (SAMPLES * edge for edge in window)
        samples = 1 if placed[number].ground else SAMPLES  # it is large and smooth
        part = _draw_one(camera, placed[number], placed, lighting, tint, window, samples)
        here = np.s_[y0:y1, x0:x1]
        front = part.depth < depth[here]
        front |= (part.alpha > 0) & ~np.isfinite(depth[here])
        cover = np.where(front, part.alpha, 0)
        colours[here] = np.where(front[..., None], part.colours, 0) + colours[here] * (
            1 - cover[..., None]
        )
        alpha[here] = cover + alpha[here] * (1 - cover)
        solid = front & (part.alpha >= OPAQUE)
        depth[here] = np.where(solid, part.depth, depth[here])
        owner[here] = np.where(solid, number, owner[here])
    return Drawing(
        cv2.resize(colours, (width, height), interpolation=cv2.INTER_AREA),
        cv2.resize(alpha, (width, height), interpolation=cv2.INTER_AREA),
        np.ascontiguousarray(depth[SAMPLES // 2 :: SAMPLES, SAMPLES // 2 :: SAMPLES]),
        np.ascontiguousarray(owner[SAMPLES // 2 :: SAMPLES, SAMPLES // 2 :: SAMPLES]),
    )


def window_of(camera: Camera, placed: Placed) -> tuple[int, int, int, int] | None:
    """The pixels x0, y0, x1, y1 that a body can cover; None beside the image."""
    height, width = camera.size
    corners = placed.pose.apply(corners_of(placed.body.mesh.extent))
    if (corners[:, 2] <= 1e-6).any():
        return 0, 0, width, height
    pixels = camera.project(corners)
    low = np.clip(np.floor(pixels.min(axis=0)) - 1, 0, (width, height)).astype(int)
    high = np.clip(np.ceil(pixels.max(axis=0)) + 2, 0, (width, height)).astype(int)
    if (high <= low).any():
        return None
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _draw_one(
    camera: Camera,
    placed: Placed,
    everything: Sequence[Placed],
    lighting: Lighting,
    tint: np.ndarray,
    window: tuple[int, int, int, int],
    samples: int,
) -> Drawing:
    """One body in a window x0, y0, x1, y1 of the image, in `SAMPLES` across and down a pixel.

    samples: rays across and down a pixel.
    """
    x0, y0, x1, y1 = (samples * edge for edge in window)
    shape = y1 - y0, x1 - x0
    x, y = np.meshgrid(np.arange(x0, x1), np.arange(y0, y1))
    pixels = (np.stack([x, y], axis=-1).reshape(-1, 2) + 0.5) / samples - 0.5
    rays = camera.rays(pixels)
    origins, directions = placed.to_object(np.zeros((1, 3)), rays)
    origins = np.repeat(origins, len(rays), axis=0)
    colours, through = np.zeros((len(rays), 3), np.float32), np.ones(len(rays), np.float32)
    depth = np.full(len(rays), np.inf, np.float32)
    passed, alive = np.zeros(len(rays)), np.arange(len(rays))
    step = STEP * placed.body.mesh.diagonal
    for _ in range(LAYERS):
        if not len(alive):
            break
        starts = origins[alive] + directions[alive] * passed[alive, None]
        hits = placed.body.hit(starts, directions[alive])
        hit = alive[hits.rays]
        passed[hit] += hits.distance
        opacity = placed.body.opacity(hits).astype(np.float32)
        shaded = _shade(
            placed, everything, lighting, tint, hits, directions[hit], rays[hit], passed[hit]
        )
        colours[hit] += shaded * (through[hit] * opacity)[:, None]
        through[hit] *= 1 - opacity
        first = hit[(opacity >= OPAQUE) & ~np.isfinite(depth[hit])]
        depth[first] = passed[first]
        alive = hit[through[hit] > LEAST]
        passed[alive] += step / np.linalg.norm(directions[alive], axis=1)
    repeat = SAMPLES // samples
    colours, alpha, depth = (
        image.repeat(repeat, axis=0).repeat(repeat, axis=1)
        for image in (
            colours.reshape(*shape, 3),
            (1 - through).reshape(shape),
            depth.reshape(shape),
        )
    )
    return Drawing(colours, alpha, depth, np.zeros(alpha.shape, np.int16))


def _shade(
    placed: Placed,
    everything: Sequence[Placed],
    lighting: Lighting,
    tint: np.ndarray,
    hits: Hits,
    directions: np.ndarray,
    rays: np.ndarray,
    depth: np.ndarray,
) -> np.ndarray:
    """RGB [N, 3] of the hits."""
    if not len(hits.rays):
        return np.zeros((0, 3), np.float32)
    colour, shine = surface_colour(placed.body, hits)
    normals = placed.body.normals(hits, directions) @ placed.pose.rotation.T
    lit = np.clip(normals @ lighting.towards, 0, None)
    reach = placed.body.mesh.diagonal * placed.pose.scale
    points = rays * depth[:, None] + normals * (2e-3 * reach)
    facing = np.flatnonzero(lit > 0)
    dark = np.zeros(len(lit), bool)
    towards = np.repeat(lighting.towards[None], len(facing), axis=0)
    for other in everything:
        dark[facing] |= other.shadows(points[facing], towards)
    lit = np.where(dark, 0, lit)
    view = -rays / np.linalg.norm(rays, axis=1, keepdims=True)
    half = view + lighting.towards
    half /= np.maximum(np.linalg.norm(half, axis=1, keepdims=True), 1e-9)
    mirror = np.clip((normals * half).sum(axis=1), 0, 1) ** 40 * (lit > 0) * shine * lighting.gloss
    sky = 0.75 + 0.25 * (normals @ -np.array([0.0, 1.0, 0.0]))  # more of the light is from above
    camera = np.clip((normals * view).sum(axis=1), 0, 1)
    light = (
        lit[:, None] * lighting.key
        + sky[:, None] * lighting.ambient
        + camera[:, None] * lighting.fill
    )
    shaded: np.ndarray = np.clip(colour * tint * light + mirror[:, None], 0, 1)
    return shaded.astype(np.float32)


def surface_colour(body: Body, hits: Hits) -> tuple[np.ndarray, np.ndarray]:
    """Colour RGB [N, 3] and shine [N] where rays hit."""
    mesh = body.mesh
    number = mesh.material[hits.face]
    colour = np.array([one.colour for one in mesh.materials])[number]
    for at, material in enumerate(mesh.materials):
        if material.texture is not None and (here := number == at).any():
            colour[here] = body.texels(hits, here, material)[:, :3]
    return colour, np.array([one.shine for one in mesh.materials])[number]


def up_in_camera(rotation: np.ndarray) -> np.ndarray:
    """[3], the object's upward direction in the optical frame."""
    up: np.ndarray = rotation @ side(0, 90)
    return up
