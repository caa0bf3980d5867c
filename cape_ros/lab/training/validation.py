"""PCK on held-out categories, during training and at its end."""

from __future__ import annotations

import torch

from cape_ros.lab.baselines.interface import AnyNetwork
from cape_ros.lab.evaluation.evaluate import Evaluation, answer, choose
from cape_ros.lab.evaluation.methods import WEIGHTS, FeatureCache
from cape_ros.lab.evaluation.tables import MEAN, Row, summarise
from cape_ros.lab.training.batches import held_out
from cape_ros.lab.training.config import PairsConfig, TrainingConfig
from cape_ros.model.scores import Calibration


class Validation:
    """The pairs are chosen once, so that figures can be compared.

    Raises `InvalidInput` for data with too few objects.
    """

    def __init__(self, config: TrainingConfig, pairs: PairsConfig):
        self._dataset = held_out(config.data, pairs.annotations)
        self._shots = pairs.shots
        self._pairs = choose(self._dataset, pairs.shots, pairs.pairs, pairs.mp100)

    def evaluate(self, net: AnyNetwork, device: torch.device) -> Evaluation:
        """All answers that need no other weights. Leaves `net` in evaluation mode."""
        seen = FeatureCache(self._dataset, net.eval(), None, device)
        parts = []
        for category, pairs in self._pairs.items():
            parts.append(answer(seen, category, pairs, Calibration()))
            seen.forget(())
        return Evaluation(self._dataset, {self._shots: parts})

    def mean(self, evaluation: Evaluation, method: str = WEIGHTS) -> Row:
        """PCK@... and mPCK in percent, mean of the categories."""
        return summarise(evaluation, self._shots, method)[MEAN]
