"""Passes before the first image, so that it is as fast as later ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cape_ros.perception.objects import ObjectRequest

if TYPE_CHECKING:
    from cape_ros.perception.estimator import Estimator


def warm_up(estimator: Estimator, size: tuple[int, int], keypoints: int) -> None:
    """The passes over one object and of a search.

    size: (height, width) of the images to come. keypoints: of the categories to come, the most.
    Raises `InvalidInput` for a size that is too small to search in.
    """
    image = np.zeros((*size, 3), np.uint8)
    estimator.prepare(keypoints)
    nothing = estimator.stand_in(keypoints)
    estimator.detect(image, [nothing])
    estimator.estimate(image, [ObjectRequest(nothing, (0.0, 0.0, float(size[1]), float(size[0])))])
