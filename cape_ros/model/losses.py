"""The training objective (paper, Section 3.6; weights from the supplementary)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from cape_ros.model.capeformer import CapeOutput

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
    normaliser = weight.sum(dim=1)
    normaliser = torch.where(normaliser == 0, 1, normaliser)

    def per_sample(errors: Tensor) -> Tensor:
        return ((errors * weight).sum(dim=1) / normaliser).mean()

    grid = output.similarity.shape[-2:]
    target = F.interpolate(heatmaps, size=grid, mode="bilinear", align_corners=False)
    peak = target.amax(dim=(-2, -1), keepdim=True)
    target = target / torch.where(peak == 0, 1, peak)
    squares = (output.similarity.sigmoid() - target).square().mean(dim=(-2, -1))
    terms = {
        "heatmap_loss": heatmap_weight * per_sample(squares),
        "proposal_loss": per_sample((output.soft_proposals - points).abs().sum(dim=-1)),
    }
    for layer, predicted in enumerate(output.points):
        terms[f"l1_loss_layer{layer}"] = per_sample((predicted - points).abs().sum(dim=-1))
    terms["loss"] = torch.stack(list(terms.values())).sum()
    return terms
