"""Episodes: several views of one thing, every one of them support and query of the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from cape_ros.model import CapeFormerConfig
from cape_ros.training.data.augment import view_of_instance
from cape_ros.training.data.mp100 import Dataset
from cape_ros.training.data.views import Batch, View, collate
from cape_ros.training.data.warps import views_of_photograph

Thing = int | Path | None
"""What an episode shows: a category, a photograph, or (None) an annotated image warped."""


@dataclass(frozen=True)
class EpisodeConfig:
    """What one step of the training looks at."""

    episodes: int = 6  # per step
    views: int = 3  # per episode; all ordered pairs of them are trained
    keypoints: int = 14  # at most; more are drawn from, in another order every time
    warped: float = 0.3  # part of the episodes that show one photograph from several sides
    strangers: int = 9  # pairs per step whose query shows something else than the support
    balance: float = 0.35  # a category is drawn in proportion to its size to this power


@dataclass(frozen=True)
class Step:
    """Views of several episodes, and which of them are pairs: indices into the batch.

    support, query: [P], of the same episode. stranger, host: [N], a support, and a query that
    shows nothing of it.
    """

    batch: Batch
    support: Tensor
    query: Tensor
    stranger: Tensor
    host: Tensor


class Episodes:
    """Draws steps from annotated objects and from photographs, as a network wants to see them."""

    def __init__(
        self,
        dataset: Dataset,
        photographs: Sequence[Path],
        config: EpisodeConfig,
        network: CapeFormerConfig,
    ):
        self.config, self.network = config, network
        self._dataset = dataset
        self._photographs = list(photographs)
        self._objects = [dataset.of_category(key) for key in dataset.categories]
        chance = np.array([len(some) for some in self._objects], float) ** config.balance
        self._chance = chance / chance.sum()

    def draw(self, seed: Sequence[int]) -> Step:
        """The step of this seed."""
        generator = np.random.default_rng(seed)
        episodes = [self._episode(generator) for _ in range(self.config.episodes)]
        views = [view for _, episode in episodes for view in episode]
        pairs = np.array(list(permutations(range(self.config.views), 2)))
        pairs = np.concatenate([pairs + n * self.config.views for n in range(len(episodes))])
        support, query = torch.from_numpy(pairs).T
        of_view = [thing for thing, episode in episodes for _ in episode]
        strange = [
            pair
            for pair in permutations(range(len(views)), 2)
            if _differ(*(of_view[i] for i in pair))
        ]
        drawn = generator.permutation(len(strange))[: self.config.strangers]
        chosen = np.array([strange[at] for at in drawn], np.int64).reshape(-1, 2)
        stranger, host = torch.from_numpy(chosen).T
        return Step(collate(views, self.network), support, query, stranger, host)

    def _episode(self, generator: Generator) -> tuple[Thing, list[View]]:
        if generator.random() < self.config.warped:
            return self.warped(generator)
        category = int(generator.choice(len(self._objects), p=self._chance))
        return category, self.annotated(category, generator)

    def warped(self, generator: Generator) -> tuple[Thing, list[View]]:
        """One photograph, annotated or not, from several sides."""
        thing: Thing = None
        if generator.random() < 0.75:
            thing = path = self._photographs[int(generator.integers(len(self._photographs)))]
        else:  # shows an object of some category: a stranger to photographs only
            instances = self._dataset.instances
            path = instances[int(generator.integers(len(instances)))].image
        views = views_of_photograph(path, generator, self.config.views, self.config.keypoints)
        return thing, views

    def annotated(self, category: int, generator: Generator) -> list[View]:
        """Objects of the n-th category, with the same few keypoints in the same random order."""
        drawn = generator.choice(self._objects[category], self.config.views, replace=False)
        objects = [self._dataset.instances[at] for at in drawn]
        flip = bool(generator.random() < 0.5)
        views = [view_of_instance(one, generator, flip, self._photographs) for one in objects]
        known = np.flatnonzero(np.any([view.visible for view in views], axis=0))
        most = min(len(known), self.config.keypoints)
        count = int(generator.integers(min(2, most), most + 1))
        chosen = generator.permutation(known)[:count]
        return [replace(v, points=v.points[chosen], visible=v.visible[chosen]) for v in views]


def _differ(one: Thing, other: Thing) -> bool:
    """Whether it is certain that the one shows nothing of the other."""
    if one is None or other is None:
        return isinstance(one, Path) or isinstance(other, Path)
    return one != other
