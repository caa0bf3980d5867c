"""Finds every instance of categories in an image: peaks of votes, each refined in its own crop."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from cape_ros.perception.category import Category
from cape_ros.perception.detection.peaks import OTHER_SIZE, Peak
from cape_ros.perception.detection.suppression import is_duplicate, overlap
from cape_ros.perception.geometry import Box, box_faults, clip_box, hull_box
from cape_ros.perception.objects import ObjectKeypoints, ObjectRequest
from cape_ros.perception.trust import Trust

MARGIN = 0.25  # of the longer side of the hull, on every side
MIN_POINTS = 3  # trusted points that make a hull
TOGETHER = 2  # peaks of a category that are refined in one batch
LEAST_VOTES = 4.0  # of a peak that is refined
CLOSE = 0.5  # overlap of an object's box with that of its peak: below, it gets a closer pass
INSIDE = 0.3  # of an object's side: peaks that near its middle are this object

Estimate = Callable[[np.ndarray, Sequence[ObjectRequest]], list[ObjectKeypoints]]


@dataclass
class Search:
    """The search for one category: peaks that are still to be refined, and what was found."""

    category: Category
    peaks: deque[Peak]
    known: Sequence[ObjectKeypoints]
    found: list[ObjectKeypoints] = field(default_factory=list)
    begun: bool = False
    ended: bool = False

    def first_peaks(self) -> list[Peak]:
        """The strongest peak, and the strongest one of another size.

        The votes of sizes compare badly: the smaller the objects, the more places vote by chance.
        """
        if not self.peaks:
            return []
        strongest = self.peaks.popleft()
        other = next((peak for peak in self.peaks if peak.is_of_other_size(strongest)), None)
        if other is None:
            return [strongest]
        self.peaks.remove(other)
        return [strongest, other]

    def next_peaks(self, most: int, trust: Trust) -> list[Peak]:
        """The strongest peaks at which nothing is found yet; none where the search has ended."""
        if not self.known and not self.begun:
            self.begun = True
            return self.first_peaks()
        some: list[Peak] = []
        ended = self.ended or len(self.found) >= most
        while self.peaks and not ended and len(some) < TOGETHER:
            peak = self.peaks.popleft()
            if peak.votes < LEAST_VOTES:
                break
            if not _explained(peak, [*self.known, *self.found], trust):
                some.append(peak)
        return some

    def judge(self, refined: Iterable[ObjectKeypoints], trust: Trust) -> None:
        """Keeps what is an object of its own; where none is, weaker peaks are not worth a pass."""
        before = len(self.found)
        for one in sorted(refined, key=lambda one: -one.score):
            if one.score >= trust.presence_threshold and not is_duplicate(
                one, [*self.known, *self.found], trust.point_threshold
            ):
                self.found.append(one)
        self.ended = len(self.found) == before


def find_instances(
    estimate: Estimate,
    image: np.ndarray,
    categories: Sequence[Category],
    peaks: Sequence[Sequence[Peak]],
    most: int,
    trust: Trust,
    known: Sequence[ObjectKeypoints],
) -> list[list[ObjectKeypoints]]:
    """The instances of each category, best first; those that are known are not among them.

    peaks: of each category, the strongest first. most: instances of one category, at most.
    """
    size = image.shape[1], image.shape[0]
    searches = [
        Search(
            category,
            deque(peak for peak in some if not box_faults(peak.box, *size)),
            [one for one in known if one.category == category.name],
        )
        for category, some in zip(categories, peaks, strict=True)
    ]
    while True:
        wanted = [(search, peak) for search in searches for peak in search.next_peaks(most, trust)]
        if not wanted:
            break
        refined = _refine(estimate, image, wanted, trust)
        for search in searches:
            of_search = [r for (s, _), r in zip(wanted, refined, strict=True) if s is search]
            search.judge((one for one in of_search if one), trust)
    return [sorted(search.found, key=lambda one: -one.score)[:most] for search in searches]


def _refine(
    estimate: Estimate,
    image: np.ndarray,
    wanted: Sequence[tuple[Search, Peak]],
    trust: Trust,
) -> list[ObjectKeypoints | None]:
    """Each peak's object, in its own crop; None where there is none."""
    size = image.shape[1], image.shape[0]
    seen = estimate(image, [ObjectRequest(search.category, peak.box) for search, peak in wanted])
    refined: list[ObjectKeypoints | None] = [None] * len(seen)
    closer: dict[int, ObjectRequest] = {}
    for at, one in enumerate(seen):
        box = object_box(one, size, trust)
        if box is None or one.score < trust.tracking_threshold:
            continue
        refined[at] = one
        if overlap(box, one.box) < CLOSE:
            closer[at] = ObjectRequest(wanted[at][0].category, box)
    for at, one in zip(closer, estimate(image, list(closer.values())), strict=True):
        refined[at] = one if object_box(one, size, trust) else None
    return refined


def object_box(one: ObjectKeypoints, size: tuple[int, int], trust: Trust) -> Box | None:
    """The box around the trusted points, None if they are too few or off the image.

    size: (width, height) of the image.
    """
    trusted = one.keypoints[one.matches >= trust.point_threshold]
    if len(trusted) < min(MIN_POINTS, len(one.matches)):
        return None
    hull = clip_box(hull_box(trusted, MARGIN), *size)
    return None if box_faults(hull, *size) else hull


def _explained(peak: Peak, found: Iterable[ObjectKeypoints], trust: Trust) -> bool:
    """Whether a peak lies in the middle of an object that is found already."""
    for one in found:
        points = one.keypoints[one.matches >= trust.point_threshold]
        points = points if len(points) else one.keypoints
        low, high = points.min(axis=0), points.max(axis=0)
        side = max(float((high - low).max()), 1.0)
        near = np.hypot(*((low + high) / 2 - peak.middle)) < INSIDE * max(side, peak.side)
        if near and peak.side < OTHER_SIZE * side:
            return True
    return False
