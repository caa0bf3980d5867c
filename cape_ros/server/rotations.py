"""Encodes rotated supports in the background: a category can be found upright at once, at any angle
soon after."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

from cape_ros.model import KeypointTokens
from cape_ros.perception.category import Category
from cape_ros.perception.estimator import Estimator
from cape_ros.perception.supports import EncodedSupports
from cape_ros.server.model_thread import ModelThread

logger = logging.getLogger(__name__)


class RotationEncoder:
    """Refines registered categories one step at a time, newest first.

    model: every method is called on its one thread; other work for it is done between two steps.
    failed: counts a step that failed; the category then stays as it is.
    """

    def __init__(
        self, model: ModelThread, estimator: Estimator, failed: Callable[[BaseException], None]
    ) -> None:
        self._model = model
        self._estimator = estimator
        self._failed = failed
        self._left: dict[str, tuple[Category, Iterator[KeypointTokens]]] = {}
        self._due = False  # whether a step waits for the model

    @property
    def pending(self) -> bool:
        """Whether supports are left to encode."""
        return bool(self._left)

    def register(self, category: Category, encoded: EncodedSupports) -> None:
        """Replaces any category of this name, and the steps that were left for it."""
        tokens, better = encoded
        self._estimator.register(category, tokens)
        self._left.pop(category.name, None)
        self._left[category.name] = category, better
        self._go_on()

    def forget(self, name: str) -> None:
        """Remove a category from the estimator, and the steps that were left for it."""
        self._estimator.forget(name)
        self._left.pop(name, None)

    def end(self) -> None:
        """Leave undone what is left."""
        self._left.clear()

    def _go_on(self) -> None:
        if self._left and not self._due:
            self._model.submit(self._step)
            self._due = True

    def _step(self) -> None:
        self._due = False
        if not self._left:
            return
        category, better = next(reversed(self._left.values()))
        try:
            if tokens := next(better, None):
                self._estimator.register(category, tokens)
            else:
                del self._left[category.name]
        except BaseException as error:
            del self._left[category.name]
            self._failed(error)
            logger.exception(
                "encoding rotated supports of %s failed; rotated objects may be missed",
                category.name,
            )
        self._go_on()
