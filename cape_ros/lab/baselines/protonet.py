"""ProtoNet for keypoints: each place of the query against each support keypoint's prototype.

The paper compares with it (Table 1) and says no more than that; here places and prototypes are
compared by squared distance after one shared projection, and trained as there is usual (Snell et
al., 2017): the negative log-likelihood of the place under a softmax over all. The one-stage
CapeFormer, the other comparison without a decoder, is `CapeFormerConfig(decoder_layers=0)`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from cape_ros.lab.baselines.interface import Comparison, output_of
from cape_ros.model import CapeFormerConfig, CapeOutput, KeypointTokens
from cape_ros.model.backbone import build_backbone
from cape_ros.model.losses import cells_of, mean_of_known
from cape_ros.model.proposals import local_argmax, soft_argmax


class ProtoNet(Comparison):
    """Backbone and projection; of the config it uses the backbone, the grid and the width."""

    support_backbone = None

    def __init__(self, config: CapeFormerConfig | None = None):
        super().__init__()
        self.config = config or CapeFormerConfig()
        self.backbone = build_backbone(self.config.backbone, self.config.stride)
        self.token_proj = nn.Linear(self.backbone.channels, self.config.width)

    def extract(self, images: Tensor, support: bool = False) -> Tensor:
        """Normalised images [B, 3, H, W] -> features [B, C, h, w]."""
        features: Tensor = self.backbone(images)
        return features

    def match(self, features: Tensor, tokens: KeypointTokens) -> CapeOutput:
        """Query features [B, C, h, w]; the logits are distances, squared and negative."""
        places = self.token_proj(features.flatten(2).transpose(1, 2))
        distance = torch.cdist(tokens.tokens, places).square() / math.sqrt(places.shape[-1])
        logits = -distance.unflatten(-1, features.shape[-2:])
        return output_of(logits, local_argmax(logits), soft_argmax(logits))

    def losses(
        self, output: CapeOutput, points: Tensor, heatmaps: Tensor, weight: Tensor
    ) -> dict[str, Tensor]:
        """The loss of points [B, K, 2] in [0, 1]; heatmaps are not used."""
        logits = output.similarity
        likelihood = logits.flatten(2).log_softmax(dim=-1)
        errors = -(cells_of(points, *logits.shape[-2:]) * likelihood).sum(dim=-1)
        loss = mean_of_known(errors, weight)
        return {"matching_loss": loss, "loss": loss}
