"""Requests for objects in an image, and the keypoints that answer them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cape_ros.core.errors import CapeError, InvalidInput
from cape_ros.core.extras import how_to_install
from cape_ros.perception.category import Category, image_faults, not_registered
from cape_ros.perception.geometry import Box, clean_box

if TYPE_CHECKING:
    import supervision

SMALLEST = 3  # pixels on a side of an image to search in


@dataclass(frozen=True)
class ObjectRequest:
    """One object to find: its category, or the name of a registered one, and its box.

    box: (x, y, width, height) in image pixels; may reach beyond the image.

    detection_id: what a detector or tracker calls it; the answer carries it.
    """

    category: Category | str
    box: Box
    detection_id: str = ""


def by_window(requests: Sequence[ObjectRequest]) -> list[list[int]]:
    """The indices of the requests, those with the same box together, in order."""
    windows: dict[Box, list[int]] = {}
    for at, request in enumerate(requests):
        windows.setdefault(request.box, []).append(at)
    return list(windows.values())


@dataclass(frozen=True)
class ObjectKeypoints:
    """The keypoints of one object in an image.

    keypoints: [K, 2] float32, (x, y) in pixels of the source image, the centre of the top-left
        pixel at (0, 0); every keypoint of the category in registered order.
    scores: [K] float32 in [0, 1], the chance that the point is right; low = do not trust it.
    matches: [K] float32 in [0, 1], the confidence that the object is there, judged by this
        keypoint; on the same scale for every category whose shots allow a cross-check.
    keypoint_names: K names, as the category has them.
    box: (x, y, w, h) in image pixels, the box that was cropped.
    track_id: the same object from frame to frame; -1 = not tracked.
    detection_id: of the request.
    predicted: not seen in this image, but placed by the motion of its track.
    age: [s] since its track began; 0 = not tracked.
    velocities: [K, 2] float32, pixels per second; None = not tracked.
    measured: [K, 2] float32, the keypoints before they were smoothed; None = they are not smoothed.
    """

    category: str
    category_version: int
    box: Box
    keypoints: np.ndarray
    scores: np.ndarray
    matches: np.ndarray
    keypoint_names: Sequence[str]
    track_id: int = -1
    detection_id: str = ""
    predicted: bool = False
    age: float = 0.0
    velocities: np.ndarray | None = None
    measured: np.ndarray | None = None

    @property
    def score(self) -> float:
        """Mean match of the keypoints, in [0, 1]: the confidence that the object is there."""
        return float(self.matches.mean())

    def to_dict(self) -> dict[str, Any]:
        """A dict for JSON, as `cape estimate` writes it; pixels to 2 decimals, scores to 4."""
        points = zip(
            self.keypoint_names, self.keypoints.tolist(), self.scores.tolist(), strict=True
        )
        return {
            "category": self.category,
            "category_version": self.category_version,
            "track_id": self.track_id,
            "score": round(self.score, 4),
            "box": [round(float(value), 2) for value in self.box],
            "keypoints": [
                {"name": name, "x": round(x, 2), "y": round(y, 2), "score": round(score, 4)}
                for name, (x, y), score in points
            ],
        }

    def to_supervision(self) -> supervision.KeyPoints:
        """The object as a batch of one for supervision's annotators, named by its category.

        Raises `CapeError` without supervision.
        """
        try:
            from supervision import KeyPoints
        except ImportError as error:
            reason = f"to_supervision needs supervision: {how_to_install('supervision')}"
            raise CapeError(reason) from error
        names = {"class_name": np.array([self.category])}
        # By position: the third has had two names.
        return KeyPoints(self.keypoints[None], None, self.scores[None], data=names)


def absent(category: Category, box: Box) -> ObjectKeypoints:
    """The answer for an object that is not in the image: all its scores are 0."""
    names = category.keypoint_names
    points, nothing = np.zeros((len(names), 2), np.float32), np.zeros(len(names), np.float32)
    return ObjectKeypoints(category.name, category.version, box, points, nothing, nothing, names)


def check_image(image: np.ndarray) -> None:
    """Raises `InvalidInput` unless `image` is HxWx3 uint8 with pixels in it."""
    if faults := image_faults(image):
        raise InvalidInput(faults)


def check_searchable(image: np.ndarray) -> None:
    """Raises `InvalidInput` for an image that is too small to search in."""
    height, width = image.shape[:2]
    if min(width, height) < SMALLEST:
        raise InvalidInput.of("image", f"{width} x {height} pixels are too few to search in")


def registered_as(category: Category | str, registered: Mapping[str, Category]) -> Category:
    """The category itself, or the registered one of this name.

    Raises `InvalidInput` if it is neither.
    """
    if isinstance(category, Category):
        return category
    if not isinstance(category, str):
        reason = f"{category!r} is neither a category nor the name of one"
        raise InvalidInput.of("category", reason, "wrong_type")
    if category not in registered:
        raise InvalidInput.of("category", not_registered(registered, category), "unknown_category")
    return registered[category]


def check_requests(
    image: np.ndarray, requests: Sequence[ObjectRequest], registered: Mapping[str, Category]
) -> tuple[list[Category], list[Box]]:
    """The category of each request, and its box as far as it lies on the image.

    Raises `InvalidInput` that names every request with an unknown category or an impossible box.
    """
    check_image(image)
    faults, categories, boxes = [], [], []
    height, width = image.shape[:2]
    for index, request in enumerate(requests):
        try:
            categories.append(registered_as(request.category, registered))
        except InvalidInput as error:
            faults += [fault.at(f"requests[{index}].{fault.field}") for fault in error.faults]
            continue
        try:
            boxes.append(clean_box(request.box, width, height))
        except InvalidInput as error:
            faults += [fault.at(f"requests[{index}].{fault.field}") for fault in error.faults]
    if faults:
        raise InvalidInput(faults)
    return categories, boxes
