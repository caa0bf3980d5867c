"""One object from image to image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cape_ros.perception.category import Category
from cape_ros.perception.detection.detect import MIN_POINTS
from cape_ros.perception.detection.suppression import overlap
from cape_ros.perception.geometry import PADDING, Box, box_faults, clip_box, hull_box
from cape_ros.perception.objects import ObjectKeypoints
from cape_ros.perception.symmetries import nearest_order, orders
from cape_ros.perception.tracking.appearance import Appearance
from cape_ros.perception.tracking.kalman import KeypointFilter
from cape_ros.perception.tracking.settings import TrackingSettings

MARGINS = (0.25, 0.1, 0.0)  # of the longer side of the hull, on every side: the first that is free
BESIDE = 0.15  # overlap of two hulls: more, and one may cover the other
SHOWN = 0.2  # of the hull of another object: more of it disturbs
GROWTH = 1.3  # a box grows or shrinks at most by this factor from image to image
NEAR = 0.25  # sizes: so far from where it is expected an object is at most, and for each second
SPEED, FIRST_SPEED = 2.0, 4.0  # so many more; at first, when its velocity is not known
MEMORY = 0.9  # of a point's match with each image: so long it counts for the hull
NOISE = 0.005  # of the object's size: standard deviation of a certain point that stands still
LEAST_SCORE = 0.1  # a point that scores less is not noisier than this
PREDICTED_IMAGES = 2  # at least, in which an object that is not seen is published
ESTABLISHED = 1.0  # [s] of age


@dataclass(frozen=True, eq=False)
class Measurement:
    """What was estimated of an object in one image.

    hull: around its trusted points, not clipped. trusted: [K] bool. size: pixels, the longer side
    of the hull.
    """

    object: ObjectKeypoints
    hull: Box
    trusted: np.ndarray
    size: float
    appearance: Appearance

    @classmethod
    def of(
        cls, found: ObjectKeypoints, image: np.ndarray, category: Category, threshold: float
    ) -> Measurement | None:
        """None if too few points reach the threshold, or their box lies off the image."""
        height, width = image.shape[:2]
        trusted = found.matches >= threshold
        if trusted.sum() < min(MIN_POINTS, len(trusted)):
            return None
        if not np.isfinite(found.keypoints).all():
            return None
        hull = hull_box(found.keypoints[trusted], margin=0.0)
        if box_faults(clip_box(hull, width, height), width, height):
            return None
        size = max(hull[2:])
        looks = Appearance.of(image, found.keypoints, found.matches, category.edges, size)
        return cls(found, hull, trusted, size, looks)

    def ordered(self, order: np.ndarray) -> Measurement:
        """The same with its keypoints in another order [K]."""
        given = self.object
        keypoints, scores, matches = (
            each[order] for each in (given.keypoints, given.scores, given.matches)
        )
        changed = replace(given, keypoints=keypoints, scores=scores, matches=matches)
        return replace(self, object=changed, trusted=self.trusted[order])


class Track:
    """An object, where it is believed to be, and when it was seen.

    number: its track_id. newest: what was measured when it was seen last. began, seen: [s] when it
    was first and last seen. misses: images since. hull: of its points, where it is
    expected, not clipped.
    """

    def __init__(
        self,
        number: int,
        category: Category,
        found: Measurement,
        now: float,
        settings: TrackingSettings,
    ) -> None:
        self.number, self.category = number, category
        self.newest = found
        self.hull, self.appearance = found.hull, found.appearance
        self._reliability = found.object.matches
        self.began = self.seen = now
        self.misses = 0
        self._filter = _new_filter(found, settings)

    @property
    def points(self) -> np.ndarray:
        """[K, 2] pixels, where they are expected in the image that `predict` was called for."""
        return self._filter.points

    @property
    def is_seen(self) -> bool:
        """In the newest image."""
        return self.misses == 0

    @property
    def is_established(self) -> bool:
        """It was seen for so long that it is no mistake."""
        return self.seen - self.began >= ESTABLISHED

    def is_predicted(self, now: float, settings: TrackingSettings) -> bool:
        """It was seen so recently that it is looked for, and published, where it is expected."""
        return now - self.seen <= settings.prediction_time or self.misses <= PREDICTED_IMAGES

    def reach(self, seconds: float) -> float:
        """How far from where it is expected it may be after so many seconds without a measurement,
        in sizes: its motion is known with time."""
        speed = SPEED if self.is_established else FIRST_SPEED
        return NEAR + speed * seconds

    def predict(self, seconds: float) -> None:
        """Move it on to the next image, in which it is not seen yet."""
        before = self._filter.points[self.newest.trusted].mean(axis=0)
        self._filter.predict(seconds, self.newest.size)
        dx, dy = self._filter.points[self.newest.trusted].mean(axis=0) - before
        x, y, w, h = self.hull
        self.hull = (x + float(dx), y + float(dy), w, h)
        self.misses += 1

    def box(self, others: Sequence[Track]) -> Box:
        """Where to estimate it: with the widest margin that leaves the others out of the crop, for
        the network answers with the object in a crop that looks most like the support."""
        boxes = [expand(self.hull, margin) for margin in MARGINS]
        free = (box for box in boxes if not any(_holds(box, other.hull) for other in others))
        return next(free, boxes[-1])

    def neighbours(self, others: Sequence[Track]) -> list[np.ndarray]:
        """The trusted points of each of the others that a crop of this one shows beside it."""
        box = expand(self.hull, MARGINS[0])
        return [
            other.points[other.newest.trusted]
            for other in others
            if _holds(box, other.hull) and overlap(self.hull, other.hull) < BESIDE
        ]

    def update(self, found: Measurement, now: float, settings: TrackingSettings) -> None:
        """It was seen where it was expected."""
        found = self._in_order(found)
        self._filter.update(found.object.keypoints, _variance(found, settings), found.size)
        self._reliability = np.maximum(MEMORY * self._reliability, found.object.matches)
        # Of points that are not trusted for a moment too: a box that shrinks shows ever less.
        known = self._reliability >= settings.trust.point_threshold
        hull = hull_box(self.points[known], margin=0.0)
        self._see(found, limit_growth(self.hull, hull), now)

    def recover(self, found: Measurement, now: float, settings: TrackingSettings) -> None:
        """It was found again, maybe elsewhere: how it moves is not known any more."""
        found = self._in_order(found)
        self._filter = _new_filter(found, settings)
        self._reliability = found.object.matches
        self._see(found, found.hull, now)

    def _in_order(self, found: Measurement) -> Measurement:
        among = orders(len(self.points), self.category.symmetries)
        points, weights = found.object.keypoints, self.newest.object.matches.astype(np.float64)
        return found.ordered(nearest_order(points, self.points, among, weights))

    def _see(self, found: Measurement, hull: Box, now: float) -> None:
        self.hull, self.newest = hull, found
        self.appearance = self.appearance.renewed(found.appearance)
        self.seen, self.misses = now, 0

    def result(self, now: float, settings: TrackingSettings) -> ObjectKeypoints:
        """What to publish of it for this image."""
        points, seen = self._filter.points.astype(np.float32), self.newest.object
        tracked = replace(
            seen,
            keypoints=points,
            track_id=self.number,
            age=now - self.began,
            velocities=self._filter.velocities.astype(np.float32),
        )
        if self.is_seen:
            smooth = points if settings.smoothing > 0 else seen.keypoints
            return replace(tracked, keypoints=smooth, measured=seen.keypoints)
        low = np.float32(settings.trust.point_threshold / (self.misses + 1))
        return replace(
            tracked,
            box=self.hull,
            scores=low * seen.scores,
            matches=low * seen.matches,
            predicted=True,
        )


def expand(box: Box, margin: float) -> Box:
    """A box with a margin on every side, as a part of its longer side."""
    x, y, w, h = box
    more = margin * max(w, h)
    return x - more, y - more, w + 2 * more, h + 2 * more


def _holds(box: Box, other: Box) -> bool:
    """Whether the crop of a box shows more of another object than `SHOWN`."""
    x, y, w, h = box
    centre, reach = np.array([x + w / 2, y + h / 2]), PADDING * max(w, h) / 2
    corner, size = np.array(other[:2]), np.array(other[2:])
    shared = np.minimum(corner + size, centre + reach) - np.maximum(corner, centre - reach)
    return float(np.prod(np.clip(shared, 0, None))) > SHOWN * float(np.prod(size))


def limit_growth(before: Box, after: Box) -> Box:
    """`after` about its own centre, its sides at most `GROWTH` times larger or smaller."""
    x, y, w, h = after
    limited = [
        float(np.clip(new, old / GROWTH, old * GROWTH))
        for new, old in zip((w, h), before[2:], strict=True)
    ]
    return x + (w - limited[0]) / 2, y + (h - limited[1]) / 2, limited[0], limited[1]


def _new_filter(found: Measurement, settings: TrackingSettings) -> KeypointFilter:
    return KeypointFilter(found.object.keypoints, _variance(found, settings), found.size)


def _variance(found: Measurement, settings: TrackingSettings) -> np.ndarray:
    """[K] pixels^2 of measured points: the less they score, the noisier they are."""
    scores = np.clip(found.object.scores.astype(np.float64), LEAST_SCORE, 1.0) ** 2
    deviation = NOISE * found.size * (settings.smoothing or 1.0) / scores
    variance: np.ndarray = deviation**2 + 1e-6
    return variance
