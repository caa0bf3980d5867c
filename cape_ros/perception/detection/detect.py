"""Finds every instance of categories in an image: peaks of votes, each refined in its own crop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from cape_ros.perception.category import Category
from cape_ros.perception.covering import Estimate, estimate_covered
from cape_ros.perception.detection.peaks import OTHER_SIZE, Peak, Sides, strongest
from cape_ros.perception.detection.suppression import (
    is_duplicate,
    is_flattened,
    overlap,
    trusted_points,
)
from cape_ros.perception.geometry import Box, box_faults, clip_box, hull_box
from cape_ros.perception.objects import ObjectKeypoints, ObjectRequest
from cape_ros.perception.trust import Trust

MARGIN = 0.25  # of the longer side of the hull, on every side
MIN_POINTS = 3  # trusted points that make a hull
TOGETHER = 3  # peaks of similar objects that are refined in one batch
LEAST_VOTES = 4.0  # of a peak that is refined
LEAST_SIMILAR = 3.0  # the same, if it is as large as an object that is there
SIMILAR = 1.5  # times larger or smaller
CLOSE = 0.5  # overlap of an object's box with that of its peak: below, it gets a closer pass
INSIDE = 0.3  # of an object's side: peaks that near its middle are this object


FindPeaks = Callable[[Category, Sequence[np.ndarray], Sides], list[Peak]]


@dataclass
class Search:
    """The search for one category: peaks that are still to be refined, and what was found.

    size: (width, height) of the image. known: objects of the category that need not be found again.
    """

    category: Category
    size: tuple[int, int]
    find_peaks: FindPeaks
    sides: Sides
    known: Sequence[ObjectKeypoints]
    found: list[ObjectKeypoints] = field(default_factory=list)
    ended: bool = False
    _peaks: list[Peak] | None = None
    _tried: bool = False  # the first peaks, and nothing was there

    def next_peaks(self, most: int, trust: Trust) -> list[Peak]:
        """The strongest peaks at which nothing is found yet; none where the search has ended.

        An object tells how large the others are, most likely: a peak of such a size needs fewer
        votes.
        """
        if self.ended or len(self.found) >= most:
            return []
        there = [*self.known, *self.found]
        hidden = self.there(trust)
        similar = similar_sides(there, trust) if there else None
        if self._peaks is None:
            others = similar is None or not _within(self.sides, similar)
            self._peaks = self.find_peaks(self.category, hidden, self.sides) if others else []
        if similar is None:
            return self._whole() if self._tried else self._first()
        low, high = max(similar[0], self.sides[0]), min(similar[1], self.sides[1])
        exact = similar[0] * SIMILAR, similar[1] / SIMILAR
        alike = [
            replace(peak, side=float(np.clip(peak.side, *exact)))
            for peak in self.find_peaks(self.category, hidden, (low, high))
            if peak.votes >= LEAST_SIMILAR
        ]
        some = _new(alike, hidden)[:TOGETHER]
        strong = [peak for peak in self._peaks if peak.votes >= LEAST_VOTES]
        return self._take(strongest([*some, *_new(strong, hidden)[:1]]))

    def there(self, trust: Trust) -> list[np.ndarray]:
        """The trusted points of each object that is known or found."""
        return [_shown(one, trust) for one in (*self.known, *self.found)]

    def _first(self) -> list[Peak]:
        """The strongest peak, and the strongest one of another size.

        The votes of sizes compare badly: the smaller the objects, the more places vote by chance.
        """
        peaks = self._peaks or []
        strong = [peak for peak in peaks if peak.votes >= LEAST_VOTES]
        others = [peak for peak in strong if peak.is_of_other_size(peaks[0])]
        return self._take([*peaks[:1], *others[:1]])

    def _whole(self) -> list[Peak]:
        """The whole image: an object that fills it leaves few places for votes."""
        width, height = self.size
        self.ended = True
        large = self.sides[1] >= max(self.size)
        return [Peak((width / 2, height / 2), float(max(self.size)), 0.0)] if large else []

    def _take(self, some: list[Peak]) -> list[Peak]:
        self._peaks = [peak for peak in self._peaks or () if peak not in some]
        return some

    def judge(self, refined: Iterable[ObjectKeypoints], trust: Trust) -> None:
        """Keeps what is an object of its own; where none is, weaker peaks are not worth a pass."""
        before = len(self.found)
        for one in sorted(refined, key=lambda one: -one.score):
            there = [*self.known, *self.found]
            if (
                one.score >= trust.presence_threshold
                and not is_duplicate(one, there, trust.point_threshold)
                and not (there and is_flattened(one, self.category.shots, trust.point_threshold))
            ):
                self.found.append(one)
        nothing = len(self.found) == before
        self._tried = nothing and not self.known and not self.found
        self.ended = self.ended or (nothing and not self._tried)


def find_instances(
    estimate: Estimate,
    find_peaks: FindPeaks,
    image: np.ndarray,
    categories: Sequence[Category],
    most: int,
    trust: Trust,
    known: Sequence[ObjectKeypoints],
    sides: Sides,
) -> list[list[ObjectKeypoints]]:
    """The instances of each category, best first; those that are known are not among them.

    most: instances of one category, at most.
    """
    size = image.shape[1], image.shape[0]
    searches = [
        Search(
            category,
            size,
            find_peaks,
            sides,
            [one for one in known if one.category == category.name],
        )
        for category in categories
    ]
    while True:
        wanted = [
            (search, peak)
            for search in searches
            for peak in search.next_peaks(most, trust)
            if not box_faults(peak.box, *size)
        ]
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
    hidden = [search.there(trust) for search, _ in wanted]
    requests = [ObjectRequest(search.category, peak.box) for search, peak in wanted]
    seen = estimate_covered(estimate, image, list(zip(requests, hidden, strict=True)))
    refined: list[ObjectKeypoints | None] = [None] * len(seen)
    closer: dict[int, ObjectRequest] = {}
    for at, one in enumerate(seen):
        box = object_box(one, size, trust)
        if box is None or one.score < trust.tracking_threshold:
            continue
        refined[at] = one
        if overlap(box, one.box) < CLOSE:
            closer[at] = ObjectRequest(wanted[at][0].category, box)
    again = [(request, hidden[at]) for at, request in closer.items()]
    for at, one in zip(closer, estimate_covered(estimate, image, again), strict=True):
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


def similar_sides(there: Sequence[ObjectKeypoints], trust: Trust) -> Sides:
    """Of objects that are about as large as some of these, of which there is one at least."""
    # Of the box as a person draws it around the points.
    sides = [max(hull_box(_shown(one, trust))[2:]) for one in there]
    return min(sides) / SIMILAR, max(sides) * SIMILAR


def _within(one: Sides, other: Sides) -> bool:
    return one[0] >= other[0] and one[1] <= other[1]


def _shown(one: ObjectKeypoints, trust: Trust) -> np.ndarray:
    """The points [N, 2] that say where an object is."""
    points: np.ndarray = one.keypoints[trusted_points(one, trust.point_threshold)]
    return points


def _new(peaks: Iterable[Peak], there: Sequence[np.ndarray]) -> list[Peak]:
    """Those that do not lie on an object that is there already."""
    return [peak for peak in peaks if not _explained(peak, there)]


def _explained(peak: Peak, there: Iterable[np.ndarray]) -> bool:
    """Whether a peak lies in the middle of an object that is there already."""
    for points in there:
        low, high = points.min(axis=0), points.max(axis=0)
        side = max(float((high - low).max()), 1.0)
        near = np.hypot(*((low + high) / 2 - peak.middle)) < INSIDE * max(side, peak.side)
        if near and peak.side < OTHER_SIZE * side:
            return True
    return False
