"""What an object looks like: the colours at its keypoints and between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MOST_PAIRS = 64  # of keypoints between which a colour is taken
REACH = 0.02  # of the object's size: a colour is the mean of 3 x 3 pixels so far from one another
RENEWAL = 0.1  # of the colours with each image
UNKNOWN = 0.15  # difference of two appearances that share no trusted point


@dataclass(frozen=True, eq=False)
class Appearance:
    """colours: [S, 3] float32 in [0, 1]. weights: [S] in [0, 1], 0 where none is known."""

    colours: np.ndarray
    weights: np.ndarray

    @classmethod
    def of(
        cls,
        image: np.ndarray,
        points: np.ndarray,
        matches: np.ndarray,
        edges: Sequence[tuple[int, int]],
        size: float,
    ) -> Appearance:
        """image: [H, W, 3] uint8. points: [K, 2] pixels. matches: [K]. edges: of the skeleton;
        without any, each keypoint and the next. size: of the object in pixels."""
        count = len(points)
        joined = edges[:MOST_PAIRS] or [(at, (at + 1) % count) for at in range(count)][:MOST_PAIRS]
        pairs = np.array(joined, np.intp)
        start, end = pairs[:, 0], pairs[:, 1]
        places = np.concatenate((points, (points[start] + points[end]) / 2))
        weights = np.concatenate((matches, np.minimum(matches[start], matches[end])))
        height, width = image.shape[:2]
        inside = ((places >= 0) & (places <= (width - 1, height - 1))).all(axis=1)
        step = max(1.0, REACH * size)
        grid = np.array([(x, y) for y in (-step, 0, step) for x in (-step, 0, step)])
        pixels = np.rint(places[:, None] + grid)
        pixels = np.clip(pixels, 0, (width - 1, height - 1)).astype(np.intp)
        colours = image[pixels[..., 1], pixels[..., 0]].mean(axis=1, dtype=np.float32) / 255
        return cls(colours, np.where(inside, weights, 0.0))

    def difference(self, other: Appearance) -> float:
        """Mean difference of the colours that both know, in [0, 1]."""
        weights = self.weights * other.weights
        if (total := weights.sum()) < 1e-3:
            return UNKNOWN
        return float(np.abs(self.colours - other.colours).mean(axis=1) @ weights / total)

    def renewed(self, other: Appearance) -> Appearance:
        """This one, and a little of the newest; what was not known is taken as it is."""
        share = RENEWAL * other.weights
        share = np.where(self.weights > 0, share, (other.weights > 0).astype(share.dtype))
        colours = self.colours + share[:, None] * (other.colours - self.colours)
        weights = self.weights + share * (other.weights - self.weights)
        return Appearance(colours, weights)
