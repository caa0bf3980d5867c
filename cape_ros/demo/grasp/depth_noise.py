"""What a stereo camera makes of exact depth."""

from __future__ import annotations

import cv2
import numpy as np

NOISE = 0.004  # [m] standard deviation of depth at 1 m; it grows with the square of the distance
GRAIN = 3  # [pixels] over which depth noise is alike: a stereo camera compares windows
BASELINE = 0.05  # [m] between both eyes: what one does not see has no depth
JUMP = 0.015  # [m] between neighbours that lie on different surfaces
LOST_AT_EDGES, LOST = 0.4, 0.01  # share of pixels without depth
NEAREST, FARTHEST = 0.2, 4.0  # [m]


def measure(depth: np.ndarray, focal: float, generator: np.random.Generator) -> np.ndarray:
    """[H, W] uint16 millimetres, as a stereo camera would have it of exact depth [H, W] in metres:
    noise, mixed depths at edges, shadows of what is nearer, holes."""
    height, width = depth.shape
    grains = generator.normal(size=(-(-height // GRAIN), -(-width // GRAIN)))
    noise = cv2.resize(grains, (width, height), interpolation=cv2.INTER_LINEAR)
    noise = noise + 0.5 * generator.normal(size=depth.shape)
    noisy = depth + noise / noise.std() * NOISE * depth**2
    low, high = cv2.erode(depth, np.ones((3, 3))), cv2.dilate(depth, np.ones((3, 3)))
    edge = high - low > JUMP
    mixed = edge & (generator.random(depth.shape) < 0.3)
    noisy = np.where(mixed, low + generator.random(depth.shape) * (high - low), noisy)
    lost = generator.random(depth.shape) < np.where(edge, LOST_AT_EDGES, LOST)
    lost |= shadows(depth, focal) | (depth < NEAREST) | (depth > FARTHEST)
    return np.where(lost, 0, np.rint(1000 * noisy)).astype(np.uint16)


def shadows(depth: np.ndarray, focal: float) -> np.ndarray:
    """[H, W] whether the second eye, to the right of the first one, does not see a pixel: something
    nearer, to the right of it in the image, covers it there."""
    disparity = focal * BASELINE / np.maximum(depth, NEAREST)
    columns = np.arange(depth.shape[1]) - disparity  # in the image of the second eye
    leftmost = np.minimum.accumulate(columns[:, ::-1], axis=1)[:, ::-1]
    return np.asarray(columns > leftmost + 1.0)
