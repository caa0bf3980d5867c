"""Boxes, crops and coordinate transforms between them. Pixel centres lie on whole numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from cape_ros.core.errors import Fault, InvalidInput

Box = tuple[float, float, float, float]
"""x, y, width, height in image pixels: the pixels x .. x + width - 1."""

PADDING = 1.25  # the crop is this much larger than the box
LONGEST_SIDE = 32766  # pixels of an image: OpenCV cuts crops out of no longer ones
GAUSSIAN_REACH = 3  # a Gaussian ends this many sigma from its centre


@dataclass(frozen=True)
class Crop:
    """The square (or rectangle) of an image that is the network's input.

    center: (x, y) in image pixels; lands on (width / 2, height / 2) of the crop.
    side: image pixels across the larger dimension of the crop.
    size: (height, width) of the crop in its own pixels.
    rotation: degrees that the content is rotated counter-clockwise.
    """

    center: tuple[float, float]
    side: float
    size: tuple[int, int] = (256, 256)
    rotation: float = 0.0

    @classmethod
    def of_box(
        cls, box: Box, size: tuple[int, int] = (256, 256), scale: float = 1.0, rotation: float = 0.0
    ) -> Crop:
        """The smallest crop of this aspect that holds a clean box and a quarter more."""
        x, y, width, height = box
        rows, columns = size
        side = PADDING * scale * max(size) * max(width / columns, height / rows)
        return cls((x + width / 2, y + height / 2), side, size, rotation)

    @property
    def zoom(self) -> float:
        """Crop pixels per image pixel."""
        return max(self.size) / self.side

    @property
    def matrix(self) -> np.ndarray:
        """[2, 3] float64: image pixels to crop pixels."""
        angle = math.radians(self.rotation)
        c, s = self.zoom * math.cos(angle), self.zoom * math.sin(angle)
        x, y = self.center
        rows, columns = self.size
        return np.array(
            [[c, s, columns / 2 - c * x - s * y], [-s, c, rows / 2 + s * x - c * y]], np.float64
        )

    def to_crop(self, points: np.ndarray) -> np.ndarray:
        """Image pixels [..., 2] to crop pixels [..., 2], float32."""
        matrix = self.matrix
        moved: np.ndarray = np.asarray(points, np.float64) @ matrix[:, :2].T + matrix[:, 2]
        return moved.astype(np.float32)

    def to_image(self, points: np.ndarray) -> np.ndarray:
        """The network's points [..., 2] in [0, 1] of the crop to image pixels [..., 2], float32."""
        rows, columns = self.size
        from_center = (np.asarray(points, np.float64) - 0.5) * (columns, rows)
        moved: np.ndarray = from_center @ self.matrix[:, :2] / self.zoom**2 + self.center
        return moved.astype(np.float32)


def crop_image(image: np.ndarray, crop: Crop, out: np.ndarray | None = None) -> np.ndarray:
    """Cut a crop [height, width, C] out of an image [H, W, C]: bilinear, black outside the image.

    With `out` (C-contiguous, the crop's shape, the image's dtype) nothing is allocated.
    """
    rows, columns = crop.size
    expected = (rows, columns, *image.shape[2:])
    if out is not None and (out.shape != expected or out.dtype != image.dtype):
        raise ValueError(f"out must be {image.dtype} {expected}, is {out.dtype} {out.shape}")
    return cv2.warpAffine(image, crop.matrix, (columns, rows), dst=out, flags=cv2.INTER_LINEAR)


def box_faults(
    box: Sequence[float], width: float, height: float, field: str = "box"
) -> list[Fault]:
    """Why a box cannot be cropped from an image of `width` x `height`; empty = usable."""
    try:
        x, y, w, h = (float(value) for value in box)
        finite = all(math.isfinite(value) for value in (x, y, w, h))
    except (TypeError, ValueError, OverflowError):
        finite = False
    if not finite:
        reason = "must be four finite numbers: x, y, width, height in pixels"
        return [Fault(field, reason, "wrong_type")]
    if w <= 0 or h <= 0:
        return [Fault(field, f"has no area: {w:g} x {h:g} pixels", "out_of_range")]
    if x + w <= 0 or y + h <= 0 or x >= width or y >= height:
        reason = f"({x:g}, {y:g}, {w:g}, {h:g}) is off the {width} x {height} image"
        return [Fault(field, reason, "out_of_range")]
    _, _, w, h = _clean((x, y, w, h), width, height)
    if w <= 0 or h <= 0:
        reason = "covers less than two pixels of the image in a direction"
        return [Fault(field, reason, "out_of_range")]
    return []


def clean_box(box: Sequence[float], width: float, height: float) -> Box:
    """The box as the evaluation protocol reads it: inside the image and one pixel smaller.

    A box that sticks out on the left or above is shifted, on the right or below it is cut.
    Raises `InvalidInput` for a box with no area or off the image.
    """
    faults = box_faults(box, width, height)
    if faults:
        raise InvalidInput(faults)
    return _clean(box, width, height)


def clip_box(box: Box, width: float, height: float) -> Box:
    """The part of a box that lies in the image."""
    x1, y1 = max(0.0, box[0]), max(0.0, box[1])
    x2, y2 = min(width, box[0] + box[2]), min(height, box[1] + box[3])
    return x1, y1, max(0.0, x2 - x1), max(0.0, y2 - y1)


def hull_box(points: np.ndarray, margin: float = 0.15, least: float = 32.0) -> Box:
    """The box around points [N, 2] in image pixels, N > 0.

    margin: added on each side, as a part of the hull's longer side, because an object reaches
        further than its keypoints.
    least: the box is at least this many pixels wide and high, so that one point has one too.
    """
    low, high = points.min(axis=0).astype(np.float64), points.max(axis=0).astype(np.float64)
    extent = high - low + 1
    extent = np.maximum(extent + 2 * margin * extent.max(), least)
    x, y = (low + high + 1 - extent) / 2
    return float(x), float(y), float(extent[0]), float(extent[1])


def support_heatmaps(
    points: np.ndarray,
    visible: np.ndarray,
    crop_size: tuple[int, int] | int = 256,
    size: tuple[int, int] | int = 64,
    sigma: float = 2.0,
    rounded: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """The soft masks that mark a shot's keypoints (paper section 3.2; also the heatmap targets).

    points: [K, 2] in crop pixels. visible: [K]. crop_size, size: (height, width), or one number for
    a square. sigma: in heatmap cells. rounded: centres move to whole cells, as the release has it,
    up to a cell away from the point; otherwise they are where the point is.
    Returns heatmaps [K, height, width], with peak 1 if rounded, and weights [K], both float32; an
    invisible keypoint, or one whose Gaussian misses the map, has weight 0 and an empty heatmap.
    """
    rows, columns = (size, size) if isinstance(size, int) else size
    crop_rows, crop_columns = (crop_size, crop_size) if isinstance(crop_size, int) else crop_size
    stride = (crop_columns / columns, crop_rows / rows)
    seen = np.asarray(visible) > 0
    known = np.where(seen[:, None], np.asarray(points, np.float64), 0.0)
    # A cell's centre lies half a cell in; the release takes its corner, int() goes towards zero.
    centre = np.trunc(known / stride + 0.5) if rounded else known / stride - 0.5
    across = _profile(centre[:, 0], columns, sigma)
    down = _profile(centre[:, 1], rows, sigma)
    seen &= across.any(axis=1) & down.any(axis=1)
    heatmaps = down[:, :, None] * across[:, None, :] * seen[:, None, None]
    return heatmaps.astype(np.float32), seen.astype(np.float32)


def _clean(box: Sequence[float], width: float, height: float) -> Box:
    x, y, w, h = (float(value) for value in box)
    x1, y1 = max(0.0, x), max(0.0, y)
    x2, y2 = min(width - 1.0, x1 + max(0.0, w - 1)), min(height - 1.0, y1 + max(0.0, h - 1))
    return x1, y1, x2 - x1, y2 - y1


def _profile(centre: np.ndarray, length: int, sigma: float) -> np.ndarray:
    """One dimension of a Gaussian at each centre [K], cut off at its reach: [K, length]."""
    away = np.arange(length) - centre[:, None]
    bell: np.ndarray = np.exp(-(away**2) / (2 * sigma**2)) * (
        np.abs(away) <= GAUSSIAN_REACH * sigma
    )
    return bell
