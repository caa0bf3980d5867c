"""Depth images as pictures: a colour for each distance, black where none is measured."""

from __future__ import annotations

import cv2
import numpy as np
from pydantic import BaseModel

from cape_ros.perception.spatial import DepthImage

SHOWN = 2.0, 98.0  # percentiles of the distances that have colours of their own
STEP = 0.1  # [m] that the limits are rounded to: they shall not flicker
SAMPLING = 4  # every so many pixels, for the limits
ROUNDING = 1e-3  # of a step: a limit that is a multiple of it stays
ENDS = 235, 20  # of the colour map: its own are so dark that they look like holes
STOPS = 9  # colours of a legend


class DepthScale(BaseModel):
    """near, far: metres of the first and the last colour; what is nearer or farther has the same.
    colors: of a legend, evenly from near to far."""

    near: float
    far: float
    colors: list[str]


def depth_picture(depth: DepthImage, width: int) -> tuple[np.ndarray, DepthScale | None]:
    """[H, W, 3] uint8 RGB, at most `width` wide, and its scale; None if nothing is measured."""
    values = depth.values
    if width < depth.size[0]:
        size = width, max(1, round(depth.size[1] * width / depth.size[0]))
        # Between an edge and what is behind it lies nothing: no depth is made up there.
        values = cv2.resize(values, size, interpolation=cv2.INTER_NEAREST)
    metres = values.astype(np.float32) * np.float32(depth.metres)
    measured = depth.measured(values)
    sample = metres[::SAMPLING, ::SAMPLING][measured[::SAMPLING, ::SAMPLING]]
    if not sample.size:
        return np.zeros((*metres.shape, 3), np.uint8), None
    near, far = np.percentile(sample, SHOWN)
    near = np.floor(near / STEP + ROUNDING) * STEP
    far = max(np.ceil(far / STEP - ROUNDING) * STEP, near + STEP)
    picture = _colors((np.where(measured, metres, near) - near) / (far - near))
    picture[~measured] = 0
    legend = _colors(np.linspace(0, 1, STOPS)[None])[0]
    names = [f"rgb({r} {g} {b})" for r, g, b in legend.tolist()]
    return picture, DepthScale(near=round(float(near), 2), far=round(float(far), 2), colors=names)


def _colors(shares: np.ndarray) -> np.ndarray:
    """[H, W] from near, 0, to far, 1, as [H, W, 3] RGB; near is warm, for it matters first."""
    first, last = ENDS
    values = np.rint(first + (last - first) * np.clip(shares, 0, 1)).astype(np.uint8)
    picture: np.ndarray = cv2.applyColorMap(values, cv2.COLORMAP_TURBO)[..., ::-1]
    return np.ascontiguousarray(picture)
