"""The shipped network, and in its place one that takes a known time or is tiny but real."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from cape_ros.core.pause import Pause, no_pause
from cape_ros.model import CapeFormer, CapeFormerConfig, KeypointTokens
from cape_ros.model.scores import Calibration
from cape_ros.perception.estimator import Estimator

SCORE = 0.9  # of every keypoint: the object is found in the first frame and never lost
LOW, HIGH = 0.2, 0.8  # of the crop, where the keypoints lie: the followed box grows to the image


class Sleeper(nn.Module):
    """Does nothing for some seconds with each batch, without using the processor."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.config = CapeFormerConfig()
        self._seconds = seconds

    def extract(self, images: Tensor, support: bool = False, between: Pause = no_pause) -> Tensor:
        if self._seconds and not support:
            time.sleep(self._seconds)
        return images[:, :1, :1, :1]

    def answer(self, features: Tensor, tokens: KeypointTokens) -> tuple[Tensor, Tensor]:
        batch, count = tokens.mask.shape
        points = torch.linspace(LOW, HIGH, count)[None, :, None].expand(batch, count, 2)
        return points, features.expand(-1, count, -1, -1)

    def pool(
        self, features: Sequence[Tensor], heatmaps: Sequence[Tensor], masks: Sequence[Tensor]
    ) -> KeypointTokens:
        mask = masks[0].bool()
        return KeypointTokens(torch.zeros(*mask.shape, self.config.width), mask)


def estimator(network: str) -> Estimator:
    """network: "shipped", "tiny", or the seconds that one takes which does nothing."""
    if network == "shipped":
        return Estimator.load()
    if network == "tiny":
        torch.manual_seed(0)
        config = CapeFormerConfig(
            backbone="resnet18", stride=16, image_size=(64, 64), width=32, heads=4, feedforward=48
        )
        return Estimator(CapeFormer(config), Calibration(), "cpu")

    def sure(evidence: Tensor, mask: Tensor) -> Tensor:
        return mask * SCORE

    return Estimator(Sleeper(float(network)), sure, "cpu")  # type: ignore[arg-type]
