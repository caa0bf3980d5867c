"""Search of one object in windows of an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cape_ros.core.errors import InvalidInput
from cape_ros.perception.category import Category
from cape_ros.perception.geometry import Box, box_faults, clip_box, hull_box
from cape_ros.perception.inference.batching import LARGEST_BATCH
from cape_ros.perception.objects import ObjectKeypoints, ObjectRequest
from cape_ros.perception.trust import Trust

if TYPE_CHECKING:  # it searches by what is here
    from cape_ros.perception.estimator import Estimator

WINDOWS_PER_SIDE = (1, 2, 3)
GROWTH = 1.3  # a followed box grows or shrinks at most by this factor from frame to frame
MARGIN = 0.25  # of the longer side of the hull, on every side
MIN_POINTS = 3  # trusted points that make a hull
SEARCHED_TOGETHER = LARGEST_BATCH // sum(n * n for n in WINDOWS_PER_SIDE)  # that share a batch
SMALLEST = 3  # pixels on a side of an image: its smallest windows are half as large


def search_windows(width: int, height: int) -> list[Box]:
    """The whole frame, then overlapping 2 x 2 and 3 x 3 windows that cover it."""
    windows: list[Box] = []
    for count in WINDOWS_PER_SIDE:
        w, h = width * 2 / (count + 1), height * 2 / (count + 1)
        for row in range(count):
            for column in range(count):
                x = (width - w) * column / max(1, count - 1)
                y = (height - h) * row / max(1, count - 1)
                windows.append((x, y, w, h))
    return windows


class Follower:
    """The box of one object from frame to frame; `box` is None while it is lost."""

    def __init__(self, trust: Trust) -> None:
        self.trust = trust
        self.box: Box | None = None
        self.track_id = -1

    def closer(self, best: ObjectKeypoints, size: tuple[int, int]) -> Box | None:
        """The box of a second, closer pass after a search, None if no window shows the object.

        size: (width, height) of the image.
        """
        return self._hull(best, size) if best.score >= self.trust.tracking_threshold else None

    def update(
        self, prediction: ObjectKeypoints, size: tuple[int, int], track_id: int
    ) -> ObjectKeypoints:
        """Judge what was predicted in the proposed box; the answer is what to publish.

        A newly found object gets `track_id`. A lost one keeps its keypoints' places, all with
        score 0.
        """
        enough = (
            self.trust.presence_threshold if self.box is None else self.trust.tracking_threshold
        )
        hull = self._hull(prediction, size)
        if prediction.score < enough or hull is None:
            return self.lose(prediction)
        if self.box is None:
            self.box, self.track_id = hull, track_id
        else:
            self.box = limit_growth(self.box, hull)
        return replace(prediction, track_id=self.track_id)

    def lose(self, prediction: ObjectKeypoints) -> ObjectKeypoints:
        """Forgets the box; returns the prediction with all scores 0 and track_id -1."""
        self.box, self.track_id = None, -1
        nothing = np.zeros_like(prediction.scores)
        return replace(prediction, scores=nothing, matches=nothing, track_id=-1)

    def _hull(self, prediction: ObjectKeypoints, size: tuple[int, int]) -> Box | None:
        trusted = prediction.keypoints[prediction.matches >= self.trust.point_threshold]
        if len(trusted) < min(MIN_POINTS, len(prediction.matches)):
            return None
        hull = clip_box(hull_box(trusted, MARGIN), *size)
        return None if box_faults(hull, *size) else hull  # the object has left the image


def limit_growth(before: Box, after: Box) -> Box:
    """`after` about its own centre, its sides at most `GROWTH` times larger or smaller."""
    x, y, w, h = after
    limited = [
        float(np.clip(new, old / GROWTH, old * GROWTH))
        for new, old in zip((w, h), before[2:], strict=True)
    ]
    return x + (w - limited[0]) / 2, y + (h - limited[1]) / 2, limited[0], limited[1]


def search(
    estimator: Estimator, image: np.ndarray, category: Category | str, trust: Trust | None = None
) -> ObjectKeypoints:
    """Find one object anywhere in an image; if it is not there, all its scores are 0."""
    return search_all(estimator, image, [category], trust)[0]


def search_all(
    estimator: Estimator,
    image: np.ndarray,
    categories: Sequence[Category | str],
    trust: Trust | None = None,
) -> list[ObjectKeypoints]:
    """`search` for one object of each category, all of them in the same passes.

    The categories are distinct; `SEARCHED_TOGETHER` of them fill a pass. Raises `InvalidInput`
    for an image that is too small to search in.
    """
    size = size_to_search(image)
    followers = {category: Follower(trust or Trust()) for category in categories}
    predictions = search_everywhere(estimator, image, followers)
    return [
        follower.update(seen, size, track_id=-1)
        for follower, seen in zip(followers.values(), predictions, strict=True)
    ]


def search_everywhere(
    estimator: Estimator, image: np.ndarray, followers: Mapping[Category | str, Follower]
) -> list[ObjectKeypoints]:
    """The best window's result of each category, or that of a closer crop around it."""
    size, count = (image.shape[1], image.shape[0]), len(followers)
    windows = [ObjectRequest(c, window) for window in search_windows(*size) for c in followers]
    seen = estimator.estimate(image, windows, best_only=True)
    best = [max(seen[at::count], key=lambda each: each.score) for at in range(count)]
    closer = {
        at: ObjectRequest(category, box)
        for at, (category, follower) in enumerate(followers.items())
        if (box := follower.closer(best[at], size))
    }
    answers = estimator.estimate(image, list(closer.values())) if closer else []
    for at, answer in zip(closer, answers, strict=True):
        best[at] = answer
    return best


def size_to_search(image: np.ndarray) -> tuple[int, int]:
    """(width, height). Raises `InvalidInput` for an image that is too small to search in."""
    height, width = image.shape[:2]
    if min(width, height) < SMALLEST:
        raise InvalidInput.of("image", f"{width} x {height} pixels are too few to search in")
    return width, height


def warm_up(estimator: Estimator, size: tuple[int, int], keypoints: int) -> None:
    """Let the first images be as fast as later ones: the passes over one object and of a search.

    size: (height, width) of the images to come. keypoints: of the categories to come, the most.
    """
    image = np.zeros((*size, 3), np.uint8)
    windows = search_windows(*size_to_search(image))
    estimator.prepare(keypoints)
    nothing = estimator.stand_in(keypoints)
    for boxes in (windows[:1], windows):
        estimator.estimate(image, [ObjectRequest(nothing, box) for box in boxes])
