"""When to search for objects that are not tracked yet, and which."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum


def clock_of_images() -> Callable[[], float]:
    """For a recording, whose images wait: with the usual share every third image is searched while
    something is in view, however fast the machine is."""
    return itertools.count().__next__


class Part(Enum):
    """The sizes that one search is for."""

    ALL = "all"
    LARGE = "large"
    SMALL = "small"
    SIMILAR = "similar to those in view"


ABSENT = Part.LARGE, Part.SMALL  # in turn, once all sizes were searched
IN_VIEW = Part.SIMILAR, Part.LARGE, Part.SIMILAR, Part.SMALL


class SearchSchedule:
    """What is missing never holds up what is in view for long.

    While nothing is in view of any camera, everything is searched in each image. Otherwise a search
    is followed by a rest, unless a category was in no image yet or its last object was just lost;
    beside an object of the same camera it is for one category.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._searches = itertools.count()
        self._searched: dict[str, int] = {}  # who waited longest comes next
        self._missed: Counter[str] = Counter()  # searches since it was in view
        self._more: Counter[str] = Counter()  # searches while it was in view
        self._rests_until = -math.inf

    def forget(self, name: str) -> None:
        """Search it with the next image."""
        self._searched.pop(name, None)
        self._missed.pop(name, None)
        self._more.pop(name, None)

    def due(
        self,
        names: Sequence[str],
        tracked: Collection[str],
        in_view: Collection[str],
        elsewhere: bool = False,
    ) -> tuple[list[str], bool]:
        """Which categories to search, and whether it is urgent: they may be in view unseen, or
        there is nothing that the search holds up.

        names: that may have more objects. tracked: with objects that are seen or predicted.
        in_view: with objects that are seen. elsewhere: whether other cameras see objects.
        """
        for name in tracked:
            self._missed.pop(name, None)
        urgent = [name for name in names if name not in tracked and not self._missed[name]]
        waiting = urgent or (names if self._clock() >= self._rests_until else ())
        if not in_view:
            return list(waiting if elsewhere else names), bool(urgent) or not elsewhere
        # Of those never searched, which was registered last.
        first = min(reversed(waiting), key=lambda name: self._searched.get(name, -1), default=None)
        return ([] if first is None else [first]), bool(urgent)

    def part(self, names: Sequence[str], in_view: Collection[str]) -> Part:
        """Which sizes to search for these, which `due` returned.

        A part in each search, for that holds up what is in view for a shorter time; all of them in
        the first search, and while nothing is in view.
        """
        if not in_view:
            return Part.ALL
        (name,) = names
        if name in in_view:
            return IN_VIEW[self._more[name] % len(IN_VIEW)]
        missed = self._missed[name]
        return ABSENT[(missed - 1) % len(ABSENT)] if missed else Part.ALL

    @contextmanager
    def searching(
        self, names: Collection[str], share: float
    ) -> Iterator[Callable[[Callable[[], None]], None]]:
        """Around a search. names: that are still meant when it ends, or fails. share: of the time
        that searches may take. Gives a function for what is done between its steps, whose time is
        none of the search."""
        began, paused = self._clock(), 0.0

        def pause(job: Callable[[], None]) -> None:
            nonlocal paused
            since = self._clock()
            job()
            paused += self._clock() - since

        try:
            yield pause
        finally:
            ended = self._clock()
            for name in names:
                self._searched[name] = next(self._searches)
            self._missed.update(names)
            self._more.update(names)
            rest = (ended - began - paused) * (1 / max(share, 1e-3) - 1)
            self._rests_until = ended + rest
