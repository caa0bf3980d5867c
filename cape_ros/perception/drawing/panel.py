"""Draws the intermediate maps of a prediction (similarity, attention) as one RGB panel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from cape_ros.perception.category import Category
from cape_ros.perception.drawing.overlay import WHITE, Pen
from cape_ros.perception.geometry import Crop, clean_box, crop_image

if TYPE_CHECKING:  # it loads PyTorch
    from cape_ros.perception.estimator import Inspection

COLUMNS = 4


def matching_panel(category: Category, seen: Inspection) -> np.ndarray:
    """The support beside what it was matched with, then a similarity map for each keypoint.

    Tiles of the crop's size [h, w], `COLUMNS` in a row: [rows * h, COLUMNS * w, 3] uint8.
    """
    height, width = seen.crop.shape[:2]
    answer = seen.crop.copy()
    pen = Pen(answer)
    everywhere = np.ones(len(seen.points), bool)
    pen.skeleton(seen.points, everywhere, category.edges)
    pen.footnote("found")
    tiles = [cv2.resize(support_panel(category), (width, height)), answer]
    for name, similarity, proposal in zip(
        category.keypoint_names, seen.evidence, seen.proposals, strict=True
    ):
        tiles.append(draw_similarity(seen.crop, similarity, proposal, name))
    tiles += [np.zeros_like(seen.crop)] * (-len(tiles) % COLUMNS)
    rows = [np.hstack(tiles[at : at + COLUMNS]) for at in range(0, len(tiles), COLUMNS)]
    return np.vstack(rows)


def draw_similarity(
    crop: np.ndarray, similarity: np.ndarray, proposal: np.ndarray, name: str
) -> np.ndarray:
    """Draws the similarity map of one support keypoint over a query crop (Figure A7).

    crop: [H, W, 3] uint8. similarity: [h, w], any range. proposal: (x, y) in crop pixels.
    Returns [H, W, 3]: the crop in grey below the heat map, the proposal in a ring.
    """
    heat = _spread(similarity, crop.shape[:2])
    colors = _colors(heat)
    grey = cv2.cvtColor(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    share = (0.1 + 0.7 * heat)[..., None]
    panel = np.ascontiguousarray((grey * (1 - share) + colors * share).astype(np.uint8))
    pen = Pen(panel)
    pen.ring(proposal, WHITE, 3 * pen.radius)
    pen.dot(proposal, WHITE, 0.7 * pen.radius)
    pen.footnote(name)
    return panel


def heat_map(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """[h, w] of any range in the colours of `draw_similarity`: [*size, 3] uint8."""
    return _colors(_spread(values, size))


def support_panel(category: Category, shot: int = 0, size: int = 384) -> np.ndarray:
    """The crop of a support shot with its keypoints and their names: [size, size, 3] uint8."""
    shown = category.shots[shot]
    height, width = shown.image.shape[:2]
    crop = Crop.of_box(clean_box(shown.box, width, height), (size, size))
    panel = crop_image(shown.image, crop)
    points = crop.to_crop(shown.keypoints)
    points[~shown.visible] = np.nan
    pen = Pen(panel)
    pen.skeleton(points, shown.visible, category.edges)
    pen.names(points, shown.visible.astype(np.float32), category.keypoint_names)
    pen.footnote(f"{category.name}  v{category.version}")
    return panel


def _spread(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """[h, w] of any range to [*size] float32 in 0..1."""
    heat = values.astype(np.float32)
    heat = (heat - heat.min()) / max(float(np.ptp(heat)), 1e-6)
    spread: np.ndarray = np.clip(cv2.resize(heat, size[::-1], interpolation=cv2.INTER_CUBIC), 0, 1)
    return spread


def _colors(heat: np.ndarray) -> np.ndarray:
    return cv2.applyColorMap((heat * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
