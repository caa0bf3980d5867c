"""Training losses: the paper's (Section 3.6) or those of a comparison model, and a loss of the
matching."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from cape_ros.lab.baselines.interface import AnyNetwork, Comparison
from cape_ros.lab.training.config import ObjectiveConfig
from cape_ros.lab.training.data.episodes import Step
from cape_ros.lab.training.data.few_shot import FewShotStep
from cape_ros.model import CapeOutput, KeypointTokens
from cape_ros.model.losses import cells_of, losses

Terms = dict[str, Tensor]
AnyStep = Step | FewShotStep


class Objective(nn.Module):
    """A network together with its objective, so that a step goes in and loss terms come out.

    total: sums a tensor over all processes, `size` of them; each has its part of the step.
    """

    def __init__(
        self,
        net: AnyNetwork,
        config: ObjectiveConfig,
        precision: torch.dtype = torch.float32,
        total: Callable[[Tensor], Tensor] = lambda tensor: tensor,
        size: int = 1,
    ):
        super().__init__()
        self.net, self._config, self._precision = net, config, precision
        self._total, self._size = total, size
        self._losses: Callable[..., Terms] = (
            net.losses
            if isinstance(net, Comparison)
            else partial(losses, heatmap_weight=config.heatmap_weight)
        )

    def forward(self, step: AnyStep) -> Terms:
        """Every term and their sum, `loss`, of the step's pairs.

        The network computes in the precision asked for, the losses in float32. The mean over all
        processes is what one process would find for their steps joined, if each has as many pairs.
        """
        device = next(self.net.parameters()).device
        half = self._precision != torch.float32
        with torch.autocast(device.type, self._precision if half else None, enabled=half):
            tokens, output, points, heatmaps, weight = self._forward(step)
        if half:
            output = _in_float32(output)
        pairs = len(step.support) if isinstance(step, Step) else len(points)
        known = (weight * tokens.mask)[:pairs]
        terms = self._losses(output.first(pairs), points[:pairs], heatmaps[:pairs], known)
        if self._config.matching_weight:
            counting = torch.cat((known, tokens.mask[pairs:]))
            mean = self._total(counting.sum()).clamp(min=1) / self._size
            terms["matching"] = matching_loss(output.similarity, points, counting, pairs, mean)
            terms["loss"] = terms["loss"] + self._config.matching_weight * terms["matching"]
        return terms

    def _forward(self, step: AnyStep) -> tuple[KeypointTokens, CapeOutput, Tensor, Tensor, Tensor]:
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


def match_step(net: AnyNetwork, step: Step) -> tuple[KeypointTokens, CapeOutput, Tensor]:
    """The step's pairs, then its strangers, through the network; every view is extracted once.

    Returns the tokens, the output, and the query view of each sample [P + N].
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

    On a fine grid it replaces the paper's heatmap loss: almost every cell is empty, and a
    squared error is content with "nowhere" as the answer to everything. The samples from `pairs` on
    show nothing of their support: their keypoints belong to "nowhere", whose logit is 0. So a
    similarity below zero everywhere means that a keypoint is absent; search and tracking rely on
    it.
    similarity: [B, K, h, w]. points: [B, K, 2] in [0, 1]. weight: [B, K], 1 where it counts.
    normaliser: what the sum is divided by, if not the number of keypoints that count.
    """
    cells = cells_of(points, *similarity.shape[-2:])
    logits = torch.cat((torch.zeros_like(similarity[..., :1, 0]), similarity.flatten(2)), dim=-1)
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
