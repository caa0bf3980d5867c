"""One camera and all the objects that are tracked in it.

In each image every track is estimated in the box where it is expected, all of them in one batch.
What is found there is assigned to the tracks; a track that gets nothing is predicted for a while,
then lost, and can be found again by a detection.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from cape_ros.core.pause import Pause, no_pause
from cape_ros.perception.category import Category
from cape_ros.perception.covering import estimate_covered
from cape_ros.perception.detection.detect import similar_sides
from cape_ros.perception.detection.peaks import ALL_SIDES, Sides
from cape_ros.perception.geometry import box_faults, clip_box
from cape_ros.perception.objects import ObjectKeypoints, ObjectRequest, check_searchable
from cape_ros.perception.tracking.association import (
    assign,
    differences,
    distances,
    distinct,
    same_object,
)
from cape_ros.perception.tracking.schedule import Part, SearchSchedule
from cape_ros.perception.tracking.settings import TrackingSettings
from cape_ros.perception.tracking.track import Measurement, Track

if TYPE_CHECKING:
    from cape_ros.perception.estimator import Estimator

MOST_TRACK_IDS = 2**31  # then they begin anew: a message holds no larger ones
ANYWHERE = 100.0  # sizes
OTHER_LOOKS = 0.35  # difference of appearance: more is another object
CONVERGED = 3  # images in a row in which a young track sees only the object of another one
LARGE = 0.22  # of the longer side of the image: only smaller objects need the finest level
LATE = 1.0  # [s] that an image may be older than the one before; more is another clock
TIE = 0.02  # cost: so much the older of two tracks is preferred


def track_ids() -> Iterator[int]:
    """The track IDs 0, 1, 2, ..., which begin anew after `MOST_TRACK_IDS`."""
    return (number % MOST_TRACK_IDS for number in itertools.count())


@dataclass(frozen=True, eq=False)
class _Search:
    """What is searched for in an image, and what was in view there.

    moment: [s] of the image. known: the objects in view. measured: of them, by their track IDs.
    """

    image: np.ndarray
    moment: float
    wanted: Sequence[Category]
    sides: Sides
    known: Sequence[ObjectKeypoints]
    measured: Mapping[int, Measurement]


class Tracker:
    """The tracks of one camera."""

    def __init__(
        self,
        estimator: Estimator,
        track_ids: Iterator[int],
        clock: Callable[[], float] = time.monotonic,
        later: Callable[[Callable[[], None]], None] | None = None,
        between: Pause = no_pause,
        elsewhere: Callable[[], bool] = lambda: False,
    ) -> None:
        """clock: [s], of what a search costs. The motion of objects follows the images' stamps.

        later: does a search that is not urgent after the image; None = at once. between: is called
        between its steps; it may estimate further images. elsewhere: whether other cameras, which
        wait for the same estimator, see objects.
        """
        self._estimator = estimator
        self._track_ids = track_ids
        self._schedule = SearchSchedule(clock)
        self._later, self._between, self._elsewhere = later, between, elsewhere
        self._pending: set[str] | None = None  # categories of the search that goes on
        self._tracks: list[Track] = []  # oldest first
        self._settings = TrackingSettings()  # of the newest image
        self._size = (0, 0)
        self._stamp: float | None = None
        self._now = 0.0  # [s] by the stamps, but never backwards

    def forget(self, name: str) -> None:
        """Search a category anew with the next image: it is another one now, or gone."""
        self._tracks = [track for track in self._tracks if track.category.name != name]
        if self._pending is not None:
            self._pending.discard(name)
        self._schedule.forget(name)

    def estimate(
        self,
        image: np.ndarray,
        categories: Mapping[str, Category],
        settings: TrackingSettings,
        stamp: float,
    ) -> list[ObjectKeypoints]:
        """The objects of an image, those that are predicted among them; none of absent categories.

        categories: that may be there; the estimator knows them by their names. stamp: [s] of the
        image. Raises `InvalidInput` for an image that is too small to search in.
        """
        seconds = self._advance(image, stamp)
        self._settings = settings
        self._tracks = [track for track in self._tracks if track.category.name in categories]
        for track in self._tracks:
            track.category = categories[track.category.name]  # it may have more shots by now
            moves = track.is_predicted(self._now, settings)
            track.predict(seconds if moves else 0.0)
        self._follow(image)
        self._search(image, categories)
        self._end()
        order = {name: at for at, name in enumerate(categories)}
        shown = sorted(self._shown(), key=lambda track: order[track.category.name])
        return [track.result(self._now, settings) for track in shown]

    def _advance(self, image: np.ndarray, stamp: float) -> float:
        """Seconds since the newest image before; 0 for one that comes late, and where the clock
        has jumped back. An image of another size begins anew: a place in others says nothing about
        this one."""
        check_searchable(image)
        height, width = image.shape[:2]
        if self._size != (width, height):
            self._size, self._tracks = (width, height), []
            if self._pending is not None:
                self._pending.clear()
        before = stamp if self._stamp is None else self._stamp
        seconds = max(0.0, stamp - before)
        if not -LATE <= stamp - before < 0:
            self._stamp = stamp
        self._now += seconds
        return seconds

    def _shown(self) -> list[Track]:
        """The tracks that are seen, or predicted on the image."""
        return [track for track in self._tracks if track.is_seen or self._is_predicted(track)]

    def _is_predicted(self, track: Track) -> bool:
        on_image = not box_faults(clip_box(track.hull, *self._size), *self._size)
        return on_image and track.is_predicted(self._now, self._settings)

    def _end(self) -> None:
        """Forget what was lost for too long, and of too many objects the youngest."""
        shown, most = self._shown(), self._settings.max_instances
        surplus = [
            track
            for name in {track.category.name for track in shown}
            for track in _of(shown, name)[most:]
        ]
        self._tracks = [
            track
            for track in self._tracks
            if track not in surplus
            and (track in shown or self._now - track.seen <= self._settings.reidentification_time)
        ]

    def _follow(self, image: np.ndarray) -> None:
        """Estimate each track where it is expected, and assign what is found there."""
        shown, trust = self._shown(), self._settings.trust
        if not shown:
            return
        wanted = []
        for track in shown:
            others = [each for each in _of(shown, track.category.name) if each is not track]
            box = clip_box(track.box(others), *self._size)
            wanted.append((ObjectRequest(track.category.name, box), track.neighbours(others)))
        found: list[tuple[Track, Measurement]] = []
        answers = estimate_covered(self._estimator.estimate, image, wanted)
        for track, answer in zip(shown, answers, strict=True):
            # It takes more to be found again than to be kept.
            kept = track.misses == 1
            if answer.score >= (trust.tracking_threshold if kept else trust.presence_threshold):
                measured = Measurement.of(answer, image, track.category, trust.point_threshold)
                found += [(track, measured)] if measured else []
        for name in dict.fromkeys(track.category.name for track in shown):
            self._assign(
                _of(shown, name), [each for each in found if each[0].category.name == name]
            )

    def _assign(self, tracks: Sequence[Track], found: Sequence[tuple[Track, Measurement]]) -> None:
        """Tracks that see the same object compete for it; of the others, those end that are young.

        found: in the box of which track.
        """
        groups = distinct([measured for _, measured in found])
        candidates = [found[group[0]][1] for group in groups]
        away = distances(tracks, candidates)
        # What is added to a whole row only matters to which tracks get nothing.
        handicap = [at * TIE + (not track.is_established) for at, track in enumerate(tracks)]
        costs = away + differences(tracks, candidates) + np.array(handicap)[:, None]
        costs[away > self._reach(tracks, self._now)] = np.inf
        pairs = assign(costs)
        for row, column in pairs:
            tracks[row].update(candidates[column], self._now, self._settings)
        taken = {column for _, column in pairs}
        rivals = {found[at][0].number for column in taken for at in groups[column]}
        self._tracks = [
            track
            for track in self._tracks
            if track.number not in rivals or track.misses < CONVERGED or track.is_established
        ]

    def _search(self, image: np.ndarray, categories: Mapping[str, Category]) -> None:
        """Detect what is missing, as far as there is time."""
        shown, settings = self._shown(), self._settings
        seen = [track for track in shown if track.is_seen]
        in_view = {track.category.name for track in seen}
        names, urgent = self._schedule.due(
            [name for name in categories if len(_of(seen, name)) < settings.max_instances],
            {track.category.name for track in shown},
            in_view,
            not in_view and self._elsewhere(),
        )
        if not names or (self._pending is not None and not urgent):
            return
        known = [track.result(self._now, settings) for track in seen]
        similar = [one for one in known if one.category in names]
        sides = self._sides(self._schedule.part(names, in_view), similar)
        wanted = [categories[name] for name in names]
        measured = {track.number: track.newest for track in seen}
        search = _Search(image, self._now, wanted, sides, known, measured)
        if urgent or not self._later:
            self._detect(search)
        else:
            self._pending = set(names)
            self._later(partial(self._detect, search, self._pending))

    def _detect(self, search: _Search, pending: set[str] | None = None) -> None:
        """Take what is wanted and not known.

        pending: of a search between images, the categories that were not forgotten meanwhile.
        """
        settings, image = self._settings, search.image
        still = [each.name for each in search.wanted] if pending is None else pending
        wanted = [category for category in search.wanted if category.name in still]
        names, most = [category.name for category in wanted], settings.max_instances
        try:
            if not wanted:
                return
            with self._schedule.searching(still, settings.search_share) as pause:
                between = no_pause if pending is None else partial(pause, self._between)
                detected = self._estimator.detect(
                    image, names, most, settings.trust, search.known, search.sides, between
                )
            threshold = settings.trust.point_threshold
            for category, objects in zip(wanted, detected, strict=True):
                if category.name in still:
                    judged = [Measurement.of(one, image, category, threshold) for one in objects]
                    self._take(category, [each for each in judged if each], search)
        finally:
            if pending is self._pending:
                self._pending = None

    def _sides(self, part: Part, similar: Sequence[ObjectKeypoints]) -> Sides:
        """Of the objects of a part of the sizes. similar: objects in view."""
        least = LARGE * max(self._size)
        if part is Part.SIMILAR:
            return similar_sides(similar, self._settings.trust)
        if part is Part.LARGE:
            return least, ALL_SIDES[1]
        return (ALL_SIDES[0], least) if part is Part.SMALL else ALL_SIDES

    def _take(self, category: Category, detected: Sequence[Measurement], search: _Search) -> None:
        """Assign detections to tracks that were not in view; the others begin new ones."""
        own, moment = _of(self._tracks, category.name), search.moment
        seen = [one for one in search.measured.values() if one.object.category == category.name]
        fresh = [
            detected[group[0]]
            for group in distinct(detected)
            if not any(same_object(each, detected[group[0]]) for each in seen)
        ]
        unseen = [track for track in own if track.number not in search.measured]
        away, differs = distances(unseen, fresh), differences(unseen, fresh)
        in_view = any(track.is_seen for track in self._tracks)
        # Nothing is where it was: the camera has moved, most likely.
        reach = self._reach(unseen, moment) if in_view else np.full((len(unseen), 1), ANYWHERE)
        costs = away / reach + differs / OTHER_LOOKS
        costs[(away > reach) | (differs > OTHER_LOOKS)] = np.inf
        pairs = assign(costs)
        for row, column in pairs:
            track = unseen[row]
            if not track.is_seen and track.seen <= moment:  # else a newer image has shown it
                track.recover(fresh[column], moment, self._settings)
                self._move_on(track, moment)
        room = self._settings.max_instances - len(_of(self._shown(), category.name))
        known = {column for _, column in pairs}
        new = [each for column, each in enumerate(fresh) if column not in known]
        for each in new[: max(0, room)]:
            track = Track(next(self._track_ids), category, each, moment, self._settings)
            self._move_on(track, moment)
            self._tracks.append(track)

    def _move_on(self, track: Track, moment: float) -> None:
        """From the image that it was found in to the newest one."""
        if moment < self._now:
            track.predict(self._now - moment)

    def _reach(self, tracks: Sequence[Track], moment: float) -> np.ndarray:
        """[T, 1]: how far from where it is expected now each one may be at a moment, in sizes."""
        reach = [track.reach(self._now - min(track.seen, moment)) for track in tracks]
        return np.array(reach)[:, None]


def _of(tracks: Sequence[Track], name: str) -> list[Track]:
    return [track for track in tracks if track.category.name == name]
