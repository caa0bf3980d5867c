"""Takes further shots of tracked objects between frames, and registers them if it is told to."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from cape_ros.core.errors import CapeError
from cape_ros.perception.automatic_shots.collector import Candidate, ShotCollector
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.estimator import Estimator
from cape_ros.perception.objects import ObjectKeypoints
from cape_ros.perception.trust import Trust
from cape_ros.server.model_thread import ModelThread

logger = logging.getLogger(__name__)


class AutomaticShots:
    """model: its one thread calls `see` and `forget`, and checks candidates between frames.

    register: adds the shots of a category to the registered one of this version.
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
        self._writer = ThreadPoolExecutor(1, "automatic shots")  # the disk may be slow

    def see(
        self,
        image: np.ndarray,
        objects: Sequence[ObjectKeypoints],
        categories: Mapping[str, Category],
        trust: Trust,
    ) -> None:
        """Look for views of tracked objects that differ from their shots."""
        for found in objects:
            category = categories.get(found.category)
            if category is None or category.version != found.category_version:
                continue
            if candidate := self._collector.see(image, found, category, trust):
                self._model.submit(self._check, candidate)

    def suggested(self, category: Category) -> Sequence[SupportShot]:
        """The views that passed and are not registered, the most different one first."""
        return self._collector.suggested(category)

    def forget(self, name: str) -> None:
        """Drop the views of a category that is replaced or removed."""
        self._collector.forget(name)

    def close(self) -> None:
        """Finish the registration in progress."""
        self._writer.shutdown(cancel_futures=True)

    def _check(self, candidate: Candidate) -> None:
        try:
            shot = self._collector.check(candidate)
            if shot is not None and self.enabled:
                self._writer.submit(self._add, candidate.category, shot)
        except BaseException as error:
            self._failed(error)
            logger.exception("a view of %s cannot be checked", candidate.category.name)

    def _add(self, category: Category, shot: SupportShot) -> None:
        try:
            self._register(replace(category, shots=[shot]))
            logger.info("%s has one more automatic shot", category.name)
        except CapeError as error:  # replaced or removed meanwhile, or the disk is full
            logger.warning("an automatic shot of %s is not registered: %s", category.name, error)
        except BaseException as error:
            self._failed(error)
            logger.exception("an automatic shot of %s is not registered", category.name)
