"""Images in which some objects are covered, so that the network answers with another one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from cape_ros.perception.geometry import hull_box
from cape_ros.perception.objects import ObjectKeypoints, ObjectRequest

AROUND = 0.05  # of the longer side of its points: so much of an object around them is covered
RIM = 4  # pixels around it whose colour covers it

Estimate = Callable[[np.ndarray, Sequence[ObjectRequest]], list[ObjectKeypoints]]


def cover(image: np.ndarray, objects: Sequence[np.ndarray]) -> np.ndarray:
    """A copy of an image [H, W, 3] without the objects with these points [N, 2]; the image itself
    if there are none."""
    if not objects:
        return image
    covered: np.ndarray = image.copy()
    for points in objects:
        _cover(covered, points)
    return covered


def _cover(image: np.ndarray, points: np.ndarray) -> None:
    height, width = image.shape[:2]
    reach = max(1, round(AROUND * float(np.ptp(points, axis=0).max())))
    x, y, w, h = hull_box(points, margin=0.0, least=1.0)
    x1, y1 = (max(0, int(low) - reach - RIM) for low in (x, y))
    x2, y2 = min(width, int(x + w) + reach + RIM + 1), min(height, int(y + h) + reach + RIM + 1)
    if x1 >= x2 or y1 >= y2:
        return
    part = image[y1:y2, x1:x2]
    inside = np.zeros(part.shape[:2], np.uint8)
    hull = cv2.convexHull(np.round(points - (x1, y1)).astype(np.int32))
    cv2.fillConvexPoly(inside, hull, 1)
    around = inside.copy()
    cv2.polylines(inside, [hull], True, 1, thickness=2 * reach)
    cv2.polylines(around, [hull], True, 1, thickness=2 * (reach + RIM))
    rim = part[(around > 0) & (inside == 0)]
    part[inside > 0] = np.median(rim if len(rim) else part.reshape(-1, 3), axis=0)


def estimate_covered(
    estimate: Estimate, image: np.ndarray, wanted: Sequence[tuple[ObjectRequest, list[np.ndarray]]]
) -> list[ObjectKeypoints]:
    """The answer to each request, in order; those that need nothing covered in one batch.

    wanted: each with the points of the objects that shall not be its answer.
    """
    free = [request for request, others in wanted if not others]
    together = iter(estimate(image, free) if free else [])
    return [
        estimate(cover(image, others), [request])[0] if others else next(together)
        for request, others in wanted
    ]
