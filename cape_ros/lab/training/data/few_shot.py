"""Episodes of the paper's recipe: one or five shots of a category and a query, all annotated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch.utils.data import Dataset

from cape_ros.core.errors import InvalidInput
from cape_ros.lab.datasets.mp100 import Dataset as Annotated
from cape_ros.lab.datasets.views import Batch, collate
from cape_ros.lab.training.data.augment import view_of_the_paper
from cape_ros.lab.training.data.episodes import drawable
from cape_ros.model import CapeFormerConfig


@dataclass(frozen=True)
class FewShotStep:
    """Episodes side by side: sample b of every batch is of one category.

    shots: one batch for each shot, as `CapeFormer.pool` wants them. query: the images to predict.
    Keypoints are in the order of the annotation and padded to the most of any sample.
    """

    shots: tuple[Batch, ...]
    query: Batch


class FewShotSteps(Dataset[FewShotStep]):
    """The steps of a training run by number; the same seed and number give the same step.

    Every category is equally likely, large or small, and all objects of an episode differ. The
    release draws as many episodes of every category as the largest has objects, which is the same
    share. A category with fewer objects than shots and a query is left out, with a word in the log.
    Raises `InvalidInput` if nothing is left.
    """

    def __init__(
        self,
        dataset: Annotated,
        network: CapeFormerConfig,
        steps: int,
        shots: int = 1,
        batch: int = 16,
        seed: int = 1,
    ):
        self._dataset, self._network = dataset, network
        self._steps, self._shots, self._batch, self._seed = steps, shots, batch, seed
        self._objects = list(drawable(dataset, shots + 1).values())
        if not self._objects:
            reason = f"no category has the {shots + 1} objects of {shots} shots and a query"
            raise InvalidInput.of("dataset", reason)

    def __len__(self) -> int:
        return self._steps

    def episodes(self, number: int) -> np.ndarray:
        """[batch, shots + 1] indices of instances, the query last: the data of a step."""
        generator = np.random.default_rng((self._seed, number))
        categories = generator.integers(len(self._objects), size=self._batch)
        drawn = [
            generator.choice(self._objects[at], self._shots + 1, replace=False) for at in categories
        ]
        return np.stack(drawn)

    def __getitem__(self, number: int) -> FewShotStep:
        if not 0 <= number < self._steps:
            raise IndexError(number)
        generator = np.random.default_rng((self._seed, number, 1))
        size = self._network.image_size
        *shots, query = (
            collate(
                [view_of_the_paper(self._dataset.instances[at], generator, size) for at in column],
                self._network,
            )
            for column in self.episodes(number).T
        )
        return FewShotStep(tuple(shots), query)
