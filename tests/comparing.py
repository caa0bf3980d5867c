"""How far answers lie apart."""

from __future__ import annotations

import numpy as np

from cape_ros.perception.objects import ObjectKeypoints


def pixels(found: list[ObjectKeypoints], expected: list[ObjectKeypoints]) -> np.ndarray:
    """Distances of all keypoints, in pixels of the crop."""
    return np.concatenate(
        [
            np.linalg.norm(one.keypoints - other.keypoints, axis=1)
            * (256 / (1.25 * max(other.box[2:])))
            for one, other in zip(found, expected, strict=True)
        ]
    )


def scores(found: list[ObjectKeypoints]) -> np.ndarray:
    return np.concatenate([each.scores for each in found])
