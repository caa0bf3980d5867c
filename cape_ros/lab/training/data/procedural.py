"""Views of procedural objects: bodies posed, lit, partly covered, over photographs.

Every place is computed, so keypoints are exact, and so is what hides them: the parts of the body in
front and what is pasted over it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator

from cape_ros.lab.datasets.views import View
from cape_ros.lab.training.data.augment import draw_rotation, pick, project, show
from cape_ros.lab.training.data.bodies import Body, Part, tiles
from cape_ros.lab.training.data.textures import TILE
from cape_ros.lab.training.data.warps import corners
from cape_ros.perception.geometry import PADDING

FRACTION = 4  # bits behind the point of a polygon's coordinates
COVERED = 0.35  # part of the views with something pasted over the body
HIDDEN_BELOW = 0.5  # pixels inside what covers it; nearer to the rim a point is still seen


def views_of_body(
    body: Body,
    generator: Generator,
    views: int,
    photographs: Sequence[Path],
    size: tuple[int, int],
    sketch: bool = False,
) -> list[View]:
    """Different objects of a category. Each flips on its own unless left and right would change
    places. size: (height, width) of a view. sketch: a device is to recolour them."""
    flips = generator.random(views) < (0.0 if body.mirrored else 0.5)
    return [view_of_body(body, generator, bool(flip), photographs, size, sketch) for flip in flips]


def view_of_body(
    body: Body,
    generator: Generator,
    flip: bool,
    photographs: Sequence[Path],
    size: tuple[int, int],
    sketch: bool = False,
) -> View:
    """One object of the category from one side; keypoints in the order of `body.landmarks`."""
    canvas = pick(photographs, generator, size)
    frames = body.pose(generator)
    camera = _camera(body.parts, frames, generator, size)
    matrices = [camera @ frame for frame in frames]
    outlines = [
        project(part.outline, matrix) for part, matrix in zip(body.parts, matrices, strict=True)
    ]
    light = generator.uniform(0, 2 * math.pi)
    own = tiles(body.parts, body.material, generator) if body.own_pattern else body.tiles
    tint = np.eye(3) + generator.normal(0, 0.08, (3, 3))
    order = sorted(range(len(body.parts)), key=lambda at: body.parts[at].layer)
    for at in order:
        to_view = matrices[at] @ _tile_frame(body.parts[at])
        _paint(canvas, cv2.transform(own[at], tint), to_view, outlines[at], light)
    covers = _cover(canvas, outlines, generator, photographs)
    places = np.concatenate(
        [project(mark.place[None], matrices[mark.part]) for mark in body.landmarks]
    )
    visible = np.ones(len(places), bool)
    for at, mark in enumerate(body.landmarks):
        height = max(order.index(owner) for owner in mark.owners)
        above = [outlines[other] for other in order[height + 1 :] if other not in mark.owners]
        visible[at] = not any(_inside(outline, places[at]) for outline in above + covers)
    return show(canvas, places, visible, generator, flip, size, sketch)


def _camera(
    parts: Sequence[Part],
    frames: Sequence[np.ndarray],
    generator: Generator,
    size: tuple[int, int],
) -> np.ndarray:
    """[3, 3] from the body's frame to the view: about as large as an annotated object's box would
    be shown, rotated, shifted, and seen a little at an angle."""
    outline = np.concatenate([project(p.outline, f) for p, f in zip(parts, frames, strict=True)])
    low, high = outline.min(axis=0), outline.max(axis=0)
    extent = np.array(size[::-1])
    scale = float(np.clip(np.exp(generator.normal(0.08, 0.22)), 0.75, 2.0))
    zoom = min(size) / (PADDING * scale * float((high - low).max()))
    angle = math.radians(draw_rotation(generator))
    c, s = zoom * math.cos(angle), zoom * math.sin(angle)
    rotation = np.array([[c, s], [-s, c]])
    middle = extent / 2 + generator.uniform(-0.1, 0.1, 2) * extent / PADDING
    shift = middle - rotation @ ((low + high) / 2)
    straight = corners(size)
    tilted = straight + generator.normal(0, 0.035 * extent, (4, 2)).astype(np.float32)
    flat = np.vstack((np.column_stack((rotation, shift)), (0, 0, 1)))
    warp: np.ndarray = cv2.getPerspectiveTransform(straight, tilted) @ flat
    return warp


def _tile_frame(part: Part) -> np.ndarray:
    """[3, 3] from a texture's pixels to the frame of the part, which it covers undistorted."""
    low, high = part.outline.min(axis=0), part.outline.max(axis=0)
    step = float((high - low).max()) / (TILE - 1)
    x, y = (low + high) / 2 - step * (TILE - 1) / 2
    return np.array([[step, 0, x], [0, step, y], [0, 0, 1]])


def _paint(
    canvas: np.ndarray,
    texture: np.ndarray,
    matrix: np.ndarray,
    outline: np.ndarray,
    light: float,
) -> None:
    """Draw a texture onto the view inside an outline [V, 2]: rounded towards the rim, lit from
    `light` (radians). matrix: [3, 3] texture to view."""
    low = np.maximum(np.floor(outline.min(axis=0)).astype(int) - 1, 0)
    high = np.minimum(np.ceil(outline.max(axis=0)).astype(int) + 2, canvas.shape[1::-1])
    width, height = high - low
    if width <= 0 or height <= 0:
        return
    mask = np.zeros((height, width), np.uint8)
    polygon = np.rint((outline - low) * (1 << FRACTION)).astype(np.int32)
    cv2.fillPoly(mask, [polygon], 255, cv2.LINE_AA, FRACTION)
    to_roi = np.array([[1, 0, -low[0]], [0, 1, -low[1]], [0, 0, 1]]) @ matrix
    pixels = cv2.warpPerspective(
        texture, to_roi, (int(width), int(height)), borderMode=cv2.BORDER_REFLECT_101
    )
    thick = 2 * (max(2, int(min(np.ptp(outline, axis=0)) / 8)) // 2) + 1
    relief = cv2.blur(mask, (thick, thick), borderType=cv2.BORDER_CONSTANT).astype(np.float32)
    across, down = cv2.Sobel(relief, cv2.CV_32F, 1, 0), cv2.Sobel(relief, cv2.CV_32F, 0, 1)
    slope = math.cos(light) * across + math.sin(light) * down
    shade = 0.45 + relief * (0.55 / 255) + slope * (0.08 * thick / 255)
    share = mask[..., None] * np.float32(1 / 255)
    part = canvas[low[1] : high[1], low[0] : high[0]]
    lit = np.clip(pixels * shade[..., None], 0, 255)
    part[:] = (part + share * (lit - part) + 0.5).astype(np.uint8)


def _cover(
    canvas: np.ndarray,
    outlines: Sequence[np.ndarray],
    generator: Generator,
    photographs: Sequence[Path],
) -> list[np.ndarray]:
    """Sometimes paste a piece of a photograph over the body. Returns its outline [V, 2]."""
    if generator.random() >= COVERED:
        return []
    on = outlines[int(generator.integers(len(outlines)))]
    middle = on[int(generator.integers(len(on)))]
    around = np.linspace(0, 2 * math.pi, 10, endpoint=False)
    radius = (
        generator.uniform(0.06, 0.16) * min(canvas.shape[:2]) * generator.uniform(0.7, 1.3, (10, 1))
    )
    outline = middle + radius * np.stack((np.cos(around), np.sin(around)), axis=1)
    texture = cv2.resize(pick(photographs, generator, canvas.shape[:2]), (TILE, TILE))
    step = 2.6 * float(radius.max()) / TILE
    x, y = middle - step * TILE / 2
    matrix = np.array([[step, 0, x], [0, step, y], [0, 0, 1]])
    _paint(canvas, texture, matrix, outline, generator.uniform(0, 2 * math.pi))
    return [outline]


def _inside(outline: np.ndarray, place: np.ndarray) -> bool:
    polygon = outline.astype(np.float32)[:, None]
    x, y = place
    return cv2.pointPolygonTest(polygon, (float(x), float(y)), True) > HIDDEN_BELOW
