"""What is asked of a frame and what is found in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cape_ros.perception.category import Category
from cape_ros.perception.geometry import Box


@dataclass(frozen=True)
class ObjectRequest:
    """One object to find: its category, or the name of a registered one, and its box in pixels."""

    category: Category | str
    box: Box


@dataclass(frozen=True)
class ObjectKeypoints:
    """One object found.

    keypoints: [K, 2] float32, (x, y) in pixels of the source image, the centre of the top-left
        pixel at (0, 0); every keypoint of the category in registered order.
    scores: [K] float32 in [0, 1]; low = do not trust this point.
    box: (x, y, w, h) in image pixels, the box that the network looked at.
    """

    category: str
    category_version: int
    box: Box
    keypoints: np.ndarray
    scores: np.ndarray
    track_id: int = -1

    @property
    def score(self) -> float:
        """Mean score of the keypoints: how far the object as a whole is to be trusted."""
        return float(self.scores.mean())
