"""What training makes small: the paper's losses (Section 3.6), and a loss of the matching."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import torch
from torch import Tensor, nn

from cape_ros.model import CapeFormer, CapeOutput, KeypointTokens
from cape_ros.model.losses import losses
from cape_ros.training.config import ObjectiveConfig
from cape_ros.training.data.episodes import Step
from cape_ros.training.data.few_shot import FewShotStep

Terms = dict[str, Tensor]
AnyStep = Step | FewShotStep


class Objective(nn.Module):
    """A network together with its objective, so that a step goes in and loss terms come out.

    total: sums a tensor over all processes, `size` of them; each has its part of the step.
    """

    def __init__(
        self,
        net: CapeFormer,
        config: ObjectiveConfig,
        precision: torch.dtype | None = None,
        total: Callable[[Tensor], Tensor] = lambda tensor: tensor,
        size: int = 1,
    ):
        super().__init__()
        self.net, self._config, self._precision = net, config, precision
        self._total, self._size = total, size

    def forward(self, step: AnyStep) -> Terms:
        """Every term and their sum, `loss`, of the step's pairs.

        The network computes in the precision asked for, the losses in float32. The mean over all
        processes is what one process would find for their steps joined, if each has as many pairs.
        """
        device = next(self.net.parameters()).device
        with torch.autocast(device.type, self._precision, enabled=self._precision is not None):
            tokens, output, points, heatmaps, weight = self._look(step)
        if self._precision is not None:
            output = _in_float32(output)
        pairs = len(step.support) if isinstance(step, Step) else len(points)
        known = (weight * tokens.mask)[:pairs]
        terms = losses(
            output.first(pairs),
            points[:pairs],
            heatmaps[:pairs],
            known,
            heatmap_weight=self._config.heatmap_weight,
        )
        if self._config.matching_weight:
            counting = torch.cat((known, tokens.mask[pairs:]))
            mean = self._total(counting.sum()).clamp(min=1) / self._size
            terms["matching"] = matching_loss(output.similarity, points, counting, pairs, mean)
            terms["loss"] = terms["loss"] + self._config.matching_weight * terms["matching"]
        return terms

    def _look(self, step: AnyStep) -> tuple[KeypointTokens, CapeOutput, Tensor, Tensor, Tensor]:
        """Tokens and output, and what is true of each sample's query: its points, heatmaps and
        which keypoints it shows."""
        if isinstance(step, Step):
            tokens, output, query = match_step(self.net, step)
            batch = step.batch
            return tokens, output, batch.points[query], batch.heatmaps[query], batch.weight[query]
        tokens = self.net.encode_support(
            [shot.images for shot in step.shots],
            [shot.heatmaps for shot in step.shots],
            [shot.weight for shot in step.shots],
        )
        output = self.net(step.query.images, tokens)
        return tokens, output, step.query.points, step.query.heatmaps, step.query.weight


def match_step(net: CapeFormer, step: Step) -> tuple[KeypointTokens, CapeOutput, Tensor]:
    """The step's pairs, then its strangers, through the network; every view is extracted once.

    Returns the tokens, the output, and the view that each sample is looked for in [P + N].
    """
    batch = step.batch
    features = net.extract(batch.images)
    support, query = torch.cat((step.support, step.stranger)), torch.cat((step.query, step.host))
    tokens = net.pool([features[support]], [batch.heatmaps[support]], [batch.weight[support]])
    return tokens, net.match(features[query], tokens), query


def matching_loss(
    similarity: Tensor, points: Tensor, weight: Tensor, pairs: int, normaliser: Tensor | None = None
) -> Tensor:
    """Cross-entropy of the matching: each keypoint belongs to the cells around its place.

    On a fine grid it stands in place of the paper's heatmap loss: almost every cell is empty, and a
    squared error is content with "nowhere" as the answer to everything. The samples from `pairs` on
    show nothing of their support: their keypoints belong to "nowhere", whose logit is 0. So a
    similarity below zero everywhere comes to mean that a keypoint is absent, which later tells a
    lost object from a found one.
    similarity: [B, K, h, w]. points: [B, K, 2] in [0, 1]. weight: [B, K], 1 where it counts.
    normaliser: what the sum is divided by, if not the number of keypoints that count.
    """
    height, width = similarity.shape[-2:]
    columns, rows = (torch.arange(n, device=similarity.device) for n in (width, height))
    logits = torch.cat((torch.zeros_like(similarity[..., :1, 0]), similarity.flatten(2)), dim=-1)
    column = points[..., 0, None] * width - 0.5 - columns
    row = points[..., 1, None] * height - 0.5 - rows
    across, down = (1 - column.abs()).clamp(min=0), (1 - row.abs()).clamp(min=0)
    across = across / across.sum(dim=-1, keepdim=True).clamp(min=1e-6)
    down = down / down.sum(dim=-1, keepdim=True).clamp(min=1e-6)
    cells = (down.unsqueeze(-1) * across.unsqueeze(-2)).flatten(2)
    target = torch.cat((torch.zeros_like(cells[..., :1]), cells), dim=-1)
    target[pairs:] = 0
    target[pairs:, :, 0] = 1
    entropy = -(target * logits.log_softmax(dim=-1)).sum(dim=-1)
    if normaliser is None:
        normaliser = weight.sum().clamp(min=1)
    return (entropy * weight).sum() / normaliser


def _in_float32(output: CapeOutput) -> CapeOutput:
    named = {field.name: getattr(output, field.name) for field in fields(output)}
    changed: dict[str, Any] = {k: v.float() for k, v in named.items() if isinstance(v, Tensor)}
    return replace(output, **changed)
