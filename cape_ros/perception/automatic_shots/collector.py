"""Collects confident views of tracked objects that differ from the shots of their category.

One shot knows an object from its side. While it is tracked and its view changes, a view that is
still found with confidence and differs enough from every shot becomes a candidate. The candidate
is checked by going back: used as the only shot, it must find the keypoints of the shot that it is
most like. What passes knows the object from one side more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cape_ros.core.errors import CapeError
from cape_ros.perception.automatic_shots.projected_views import ProjectedView, as_measured
from cape_ros.perception.automatic_shots.views import (
    LEAST_DIFFERENCE,
    is_cut_off,
    most_different,
    nearest_shot,
    to_shot,
)
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.estimator import Estimator
from cape_ros.perception.objects import ObjectKeypoints, ObjectRequest
from cape_ros.perception.trust import Trust

LEAST_SEEN = 0.6  # of the keypoints must be trusted
LEAST_PROJECTED = 0.4  # of the keypoints must be visible in a projected view
FEWEST_PROJECTED = 4  # or all of them
CONFIDENCE = 0.6  # of the best object score of its track
MOST_ERROR = 0.1  # of the box's longer side: so far may a keypoint found by going back be off
LEAST_RIGHT = 0.75  # of the keypoints must be found by going back
LEAST_RIGHT_PROJECTED = 0.5  # of a projected view: its points do not drift
MOST_SHOTS = 5  # of a category with its automatic ones: more are not asked for their layout
MOST_TRACKS = 256  # whose best score is remembered
FRAMES_TO_WAIT = 10  # after a candidate that failed
FRAMES_TO_WAIT_PROJECTED = 3


@dataclass(frozen=True, eq=False)
class Candidate:
    """A view of a tracked object. nearest: the index of the shot that it is most like.

    difference: from that shot, as of `views.difference`. projected: its points are by the camera's
    motion.
    """

    category: Category
    shot: SupportShot
    nearest: int
    difference: float
    projected: bool = False


@dataclass(eq=False)
class _Views:
    """What is known of one version of a category. shots: its own and those that passed."""

    category: Category
    shots: Sequence[SupportShot]
    checking: bool = False
    waits: int = 0


class ShotCollector:
    """All methods are for the model's thread, but `suggested`."""

    def __init__(self, estimator: Estimator) -> None:
        self._estimator = estimator
        self._views: dict[str, _Views] = {}
        self._best_scores: dict[int, float] = {}

    def see(
        self, image: np.ndarray, found: ObjectKeypoints, category: Category, trust: Trust
    ) -> Candidate | None:
        """A candidate to `check`, if this view is worth it; costs a fraction of a millisecond.

        The image is copied as far as the candidate shows it.
        """
        if not self._is_confident(found, trust):
            return None
        points, seen = as_measured(found), found.scores >= trust.point_threshold
        return self._candidate(image, category, points, seen, LEAST_SEEN * len(seen))

    def see_projected(
        self, image: np.ndarray, view: ProjectedView, category: Category
    ) -> Candidate | None:
        """The same of a view whose points are known by the camera's motion, whatever the network
        found in it."""
        if view.near:
            return None
        count = len(view.visible)
        least = max(min(FEWEST_PROJECTED, count), LEAST_PROJECTED * count)
        return self._candidate(image, category, view.points, view.visible, least, projected=True)

    def _candidate(
        self,
        image: np.ndarray,
        category: Category,
        points: np.ndarray,
        seen: np.ndarray,
        least: float,
        *,
        projected: bool = False,
    ) -> Candidate | None:
        """least: keypoints that must be seen."""
        views = self._of(category)
        if views.checking or sum(not shot.automatic for shot in category.shots) >= MOST_SHOTS:
            return None
        if views.waits:
            views.waits -= 1
            return None
        if seen.sum() < least or is_cut_off(points[seen], image.shape[:2]):
            return None
        nearest, away = nearest_shot(views.shots, points, seen)
        if not away >= LEAST_DIFFERENCE:
            return None
        views.checking = True
        return Candidate(category, to_shot(image, points, seen), nearest, away, projected)

    def check(self, candidate: Candidate) -> Category | None:
        """The category with one more automatic shot, or a more different one in place of another,
        if the candidate finds the keypoints of the shot that it is most like; two passes.

        Keypoints that it does not find are not marked in it.
        """
        views = self._views.get(candidate.category.name)
        if views is None or views.category is not candidate.category:
            return None  # replaced or removed meanwhile
        views.checking = False
        shot = self._checked(candidate, views.shots)
        shots = most_different([*views.shots, shot], MOST_SHOTS) if shot else views.shots
        if shot not in shots:
            views.waits = FRAMES_TO_WAIT_PROJECTED if candidate.projected else FRAMES_TO_WAIT
            return None
        views.shots = shots
        return replace(views.category, shots=shots)

    def suggested(self, category: Category) -> Sequence[SupportShot]:
        """The views of this version of a category that passed, the most different one first."""
        views = self._views.get(category.name)
        if views is None or views.category is not category:
            return ()
        fresh = [shot for shot in views.shots if shot not in category.shots]
        away = {
            shot: nearest_shot(category.shots, shot.keypoints, shot.visible)[1] for shot in fresh
        }
        return sorted(fresh, key=lambda shot: -away[shot])

    def forget(self, name: str) -> None:
        """Drop what was collected of a category."""
        self._views.pop(name, None)

    def _of(self, category: Category) -> _Views:
        views = self._views.get(category.name)
        if views is None or views.category is not category:
            views = self._views[category.name] = _Views(category, category.shots)
        return views

    def _is_confident(self, found: ObjectKeypoints, trust: Trust) -> bool:
        """A category's scores have a level of their own: compared are those of one track."""
        if found.track_id < 0 or found.predicted:
            return False
        best = max(found.score, self._best_scores.pop(found.track_id, 0.0))
        self._best_scores[found.track_id] = best  # the last one, now
        if len(self._best_scores) > MOST_TRACKS:
            del self._best_scores[next(iter(self._best_scores))]
        return found.score >= max(trust.presence_threshold, CONFIDENCE * best)

    def _checked(self, candidate: Candidate, shots: Sequence[SupportShot]) -> SupportShot | None:
        shot, known = candidate.shot, shots[candidate.nearest]
        try:
            alone = replace(candidate.category, shots=[shot])
            self._estimator.encode_quickly(alone)
            request = ObjectRequest(alone, known.box)
            (found,) = self._estimator.estimate(known.image, [request])
        except CapeError:  # such as a box that its own image does not hold
            return None
        away = np.linalg.norm(found.keypoints - known.keypoints, axis=1)
        right = away <= MOST_ERROR * max(known.box[2:])
        both = known.visible & shot.visible
        least = LEAST_RIGHT_PROJECTED if candidate.projected else LEAST_RIGHT
        if not both.any() or right[both].mean() < least:
            return None
        if candidate.projected:
            return shot
        kept = shot.visible & (right | ~known.visible)
        return SupportShot(shot.image, shot.keypoints, kept, automatic=True)
