"""What a network must offer to be compared: the two halves of CapeFormer's interface."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from cape_ros.model import CapeFormerConfig, CapeOutput, KeypointTokens
from cape_ros.model.pooling import pool_keypoints


class Network(Protocol):
    """As `CapeFormer`: tokens of a support set once, then matching with each query."""

    config: CapeFormerConfig

    @property
    def support_backbone(self) -> nn.Module | None:
        """None: one backbone for both."""

    def extract(self, images: Tensor, support: bool = False) -> Tensor: ...

    def pool(
        self, features: Sequence[Tensor], heatmaps: Sequence[Tensor], masks: Sequence[Tensor]
    ) -> KeypointTokens: ...

    def match(self, features: Tensor, tokens: KeypointTokens) -> CapeOutput: ...

    def to(self, device: torch.device, /) -> Any: ...


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
