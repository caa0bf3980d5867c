"""The interface of networks that can be trained and evaluated."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from cape_ros.model import CapeFormer, CapeFormerConfig, CapeOutput, KeypointTokens
from cape_ros.model.pooling import pool_keypoints


class Comparison(nn.Module):
    """The base of the baselines that are trained."""

    config: CapeFormerConfig
    backbone: nn.Module
    support_backbone: nn.Module | None
    token_proj: nn.Linear

    def extract(self, images: Tensor, support: bool = False) -> Tensor:
        """Normalised images [B, 3, H, W] -> features [B, C, h, w]."""
        raise NotImplementedError

    def match(self, features: Tensor, tokens: KeypointTokens) -> CapeOutput:
        """Find the keypoints of `tokens` in query features [B, C, h, w]."""
        raise NotImplementedError

    def losses(
        self, output: CapeOutput, points: Tensor, heatmaps: Tensor, weight: Tensor
    ) -> dict[str, Tensor]:
        """The training losses, as `cape_ros.model.losses`: every term, and their sum `loss`."""
        raise NotImplementedError

    def encode_support(
        self, images: Sequence[Tensor], heatmaps: Sequence[Tensor], masks: Sequence[Tensor]
    ) -> KeypointTokens:
        """As `CapeFormer.encode_support`; the tokens are the projected prototypes."""
        return self.pool([self.extract(image, support=True) for image in images], heatmaps, masks)

    def pool(
        self, features: Sequence[Tensor], heatmaps: Sequence[Tensor], masks: Sequence[Tensor]
    ) -> KeypointTokens:
        """`encode_support` from features [B, C, h, w] per shot that are already there."""
        pooled, known = prototypes(features, heatmaps, masks)
        return KeypointTokens(self.token_proj(pooled), known)

    def forward(self, query: Tensor, tokens: KeypointTokens) -> CapeOutput:
        return self.match(self.extract(query), tokens)


AnyNetwork = CapeFormer | Comparison
"""A network that can be trained and evaluated: support tokens once, then a match per query."""


def prototypes(
    features: Sequence[Tensor], heatmaps: Sequence[Tensor], masks: Sequence[Tensor]
) -> tuple[Tensor, Tensor]:
    """Mean over the shots of the features under each soft mask [B, K, C], and which keypoints
    every shot shows [B, K] bool; as in CapeFormer, before any projection."""
    pooled = torch.stack(
        [pool_keypoints(feature, maps) for feature, maps in zip(features, heatmaps, strict=True)]
    ).mean(dim=0)
    known = torch.stack([mask.bool() for mask in masks]).all(dim=0)
    return pooled * known.unsqueeze(-1), known


def output_of(logits: Tensor, points: Tensor, soft_points: Tensor) -> CapeOutput:
    """The answer of a network of one stage: logits [B, K, h, w], points [B, K, 2]."""
    return CapeOutput(points[None], points, soft_points, logits, logits, points[None])
