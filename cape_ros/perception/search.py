"""Search and tracking of objects without a detector: find one in windows, then follow its box.

A `Follower` is the memory of one category in one camera: it proposes boxes and judges what was
found there. A `Watch` is one camera with all its followers.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
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
SEARCH_SHARE = 0.25  # of the time, at most, while another object is followed
MOST_TRACK_IDS = 2**31  # then they begin anew: a message holds no larger ones


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
        self.searched = -1  # when it was last searched for: who waited longest comes next

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


class Watch:
    """One camera: every category in the box where it was, or wherever a search finds it.

    At most one lost category is searched per image, in turn. While another one is followed, a
    search is followed by a rest three times as long, so that what is missing does not hold up what
    is in view.
    """

    def __init__(
        self,
        estimator: Estimator,
        track_ids: Iterator[int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._estimator = estimator
        self._track_ids = track_ids
        self._clock = clock
        self._searches = itertools.count()
        self._size = (0, 0)
        self._followers: dict[str, Follower] = {}
        self._rests_until = -math.inf

    def forget(self, name: str) -> None:
        """Search a category anew with the next image: it is another one now, or gone."""
        self._followers.pop(name, None)
        self._rests_until = -math.inf

    def estimate(
        self, image: np.ndarray, categories: Mapping[str, Category], trust: Trust
    ) -> list[ObjectKeypoints]:
        """One answer for each category, in order. The estimator knows them by their names.

        Raises `InvalidInput` for an image that is too small to search in.
        """
        size = self._size_of(image)
        followers = {n: self._followers.setdefault(n, Follower(trust)) for n in categories}
        for follower in followers.values():
            follower.trust = trust
        boxes = {name: f.box for name, f in followers.items() if f.box is not None}
        seen: dict[str, ObjectKeypoints] = {}
        if boxes:
            requests = [ObjectRequest(name, box) for name, box in boxes.items()]
            seen = dict(zip(boxes, self._estimator.estimate(image, requests), strict=True))
        lost = [name for name in followers if name not in boxes]
        if lost and (not boxes or self._clock() >= self._rests_until):
            # Who waited longest; of those never searched for, who was registered last.
            name = min(reversed(lost), key=lambda name: followers[name].searched)
            seen[name] = self._search(image, name, followers[name])
        return [
            followers[name].update(seen[name], size, next(self._track_ids))
            if name in seen
            else not_looked_for(category, (0.0, 0.0, float(size[0]), float(size[1])))
            for name, category in categories.items()
        ]

    def _size_of(self, image: np.ndarray) -> tuple[int, int]:
        """(width, height). A box in images of another size says nothing about this one."""
        size = size_to_search(image)
        if self._size != size:
            self._size = size
            self._followers.clear()
        return size

    def _search(self, image: np.ndarray, name: str, follower: Follower) -> ObjectKeypoints:
        began = self._clock()
        (prediction,) = search_everywhere(self._estimator, image, {name: follower})
        follower.searched = next(self._searches)
        ended = self._clock()
        self._rests_until = ended + (ended - began) * (1 / SEARCH_SHARE - 1)
        return prediction


def track_ids() -> Iterator[int]:
    """The track IDs 0, 1, 2, ..., which begin anew after `MOST_TRACK_IDS`."""
    return (number % MOST_TRACK_IDS for number in itertools.count())


def not_looked_for(category: Category, box: Box) -> ObjectKeypoints:
    """The answer for a lost object while another one is searched for: nothing is known of it."""
    names = category.keypoint_names
    points, nothing = np.zeros((len(names), 2), np.float32), np.zeros(len(names), np.float32)
    return ObjectKeypoints(category.name, category.version, box, points, nothing, nothing, names)


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
