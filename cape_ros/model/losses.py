"""The training objective (paper, Section 3.6; weights from the supplementary)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from cape_ros.model.output import CapeOutput

HEATMAP_WEIGHT = 2.0


def losses(
    output: CapeOutput,
    points: Tensor,
    heatmaps: Tensor,
    weight: Tensor,
    heatmap_weight: float = HEATMAP_WEIGHT,
) -> dict[str, Tensor]:
    """Every term and their sum, `loss`.

    points: [B, K, 2], the true (x, y) in [0, 1] of the query image.
    heatmaps: [B, K, H, W], the query's Gaussians.
    weight: [B, K], 1 where a keypoint counts: visible in the query and known from the support.
    """
    grid = output.similarity.shape[-2:]
    target = F.interpolate(heatmaps, size=grid, mode="bilinear", align_corners=False)
    peak = target.amax(dim=(-2, -1), keepdim=True)
    target = target / torch.where(peak == 0, 1, peak)
    squares = (output.similarity.sigmoid() - target).square().mean(dim=(-2, -1))
    terms = {
        "heatmap_loss": heatmap_weight * mean_of_known(squares, weight),
        "proposal_loss": mean_of_known(_distance(output.soft_proposals, points), weight),
    }
    for layer, predicted in enumerate(output.points):
        terms[f"l1_loss_layer{layer}"] = mean_of_known(_distance(predicted, points), weight)
    terms["loss"] = torch.stack(list(terms.values())).sum()
    return terms


def mean_of_known(errors: Tensor, weight: Tensor) -> Tensor:
    """Errors [B, K], averaged over the keypoints of each sample that count (weight [B, K]), then
    over samples; one without any counts 0."""
    known = weight.sum(dim=1)
    return ((errors * weight).sum(dim=1) / torch.where(known == 0, 1, known)).mean()


def cells_of(points: Tensor, height: int, width: int) -> Tensor:
    """Points [B, K, 2] in [0, 1] as shares of the cells around them, bilinear: [B, K, h * w], 1 in
    all for a point inside."""
    columns, rows = (torch.arange(n, device=points.device) for n in (width, height))
    column = points[..., 0, None] * width - 0.5 - columns
    row = points[..., 1, None] * height - 0.5 - rows
    across, down = (1 - column.abs()).clamp(min=0), (1 - row.abs()).clamp(min=0)
    across = across / across.sum(dim=-1, keepdim=True).clamp(min=1e-6)
    down = down / down.sum(dim=-1, keepdim=True).clamp(min=1e-6)
    return (down.unsqueeze(-1) * across.unsqueeze(-2)).flatten(2)


def _distance(predicted: Tensor, points: Tensor) -> Tensor:
    return (predicted - points).abs().sum(dim=-1)
