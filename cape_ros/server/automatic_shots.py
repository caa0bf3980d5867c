"""Takes further shots of tracked objects between frames, and registers them if it is told to."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import BoundedSemaphore

import numpy as np

from cape_ros.core.errors import CapeError
from cape_ros.core.plurals import counted
from cape_ros.core.throttled_log import ThrottledLog
from cape_ros.perception.automatic_shots.collector import Candidate, ShotCollector
from cape_ros.perception.automatic_shots.projected_views import ProjectedView
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.estimator import Estimator
from cape_ros.perception.objects import ObjectKeypoints
from cape_ros.perception.trust import Trust
from cape_ros.server.model_thread import ModelThread

logger = logging.getLogger(__name__)
MOST_OFFERED = 2  # images with projected views that wait for the model's thread
PROJECTED = 10.0  # [s] that a category with a projected view on a camera needs no others

Views = Sequence[tuple[ObjectKeypoints, ProjectedView]]


class AutomaticShots:
    """model: its one thread calls `see` and `forget`, and checks candidates between frames.

    register: a category with other automatic shots, in place of the registered one of its version.
    failed: counts a check that failed.
    enabled: register what passes; else it is only suggested.
    """

    def __init__(
        self,
        model: ModelThread,
        estimator: Estimator,
        register: Callable[[Category], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        self.enabled = False
        self._model = model
        self._collector = ShotCollector(estimator)
        self._register = register
        self._failed = failed
        self._log = ThrottledLog(logger)
        self._unchecked = 0
        self._offers = BoundedSemaphore(MOST_OFFERED)
        self._projected: dict[tuple[str, str], float] = {}  # camera, category: last time
        self._writer = ThreadPoolExecutor(1, "automatic shots")  # the disk may be slow

    @property
    def pending(self) -> bool:
        """Whether a view waits for its check."""
        return self._unchecked > 0

    def see(
        self,
        camera: str,
        image: np.ndarray,
        objects: Sequence[ObjectKeypoints],
        categories: Mapping[str, Category],
        trust: Trust,
    ) -> None:
        """Look for views of tracked objects that differ from their shots; never costs a frame."""
        now = time.monotonic()
        for found in objects:
            if now - self._projected.get((camera, found.category), -np.inf) >= PROJECTED:
                see = partial(self._collector.see, image, found, trust=trust)
                self._look(found, categories, see)

    def offer(
        self,
        camera: str,
        image: np.ndarray,
        views: Views,
        categories: Callable[[], Mapping[str, Category]],
    ) -> None:
        """Look at projected views in place of what was found, soon; called on any thread.

        If the model's thread is behind, they are left out.
        """
        if not self._offers.acquire(blocking=False):
            return
        try:
            self._model.submit(self._see_projected, camera, image, views, categories)
        except RuntimeError:  # the model has ended
            self._offers.release()

    def _see_projected(
        self,
        camera: str,
        image: np.ndarray,
        views: Views,
        categories: Callable[[], Mapping[str, Category]],
    ) -> None:
        self._offers.release()
        known = categories()
        for found, view in views:
            self._projected[camera, found.category] = time.monotonic()
            self._look(found, known, partial(self._collector.see_projected, image, view))

    def _look(
        self,
        found: ObjectKeypoints,
        categories: Mapping[str, Category],
        see: Callable[[Category], Candidate | None],
    ) -> None:
        """Of a version of its category that is known no more, nothing is looked at."""
        category = categories.get(found.category)
        if category is None or category.version != found.category_version:
            return
        try:
            if candidate := see(category):
                self._model.submit(self._check, candidate)
                self._unchecked += 1
        except Exception as error:  # also of a model that ends meanwhile
            self._failed(error)
            self._log.log(logging.ERROR, type(error).__name__, "a view is not looked at", error)

    def suggested(self, category: Category) -> Sequence[SupportShot]:
        """The views that passed and are not registered, the most different one first."""
        return self._collector.suggested(category)

    def forget(self, name: str) -> None:
        """Drop the views of a category that is replaced or removed."""
        self._collector.forget(name)
        self._projected = {key: at for key, at in self._projected.items() if key[1] != name}

    def close(self) -> None:
        """Finish the registration in progress."""
        self._writer.shutdown(cancel_futures=True)

    def _check(self, candidate: Candidate) -> None:
        self._unchecked -= 1
        try:
            category = self._collector.check(candidate)
            if category is not None and self.enabled:
                self._writer.submit(self._add, category)
        except BaseException as error:
            self._failed(error)
            logger.exception("a view of %s cannot be checked", candidate.category.name)

    def _add(self, category: Category) -> None:
        try:
            self._register(category)
            count = sum(shot.automatic for shot in category.shots)
            shots = counted(count, "automatic shot")
            logger.info("%s has another view, %s in all", category.name, shots)
        except CapeError as error:  # replaced or removed meanwhile, or the disk is full
            logger.warning("an automatic shot of %s is not registered: %s", category.name, error)
        except BaseException as error:
            self._failed(error)
            logger.exception("an automatic shot of %s is not registered", category.name)
