"""Keypoint prototypes: the support features under each keypoint's heatmap (paper, Section 3.2).

The paper upsamples the features to the heatmaps' size and sums under each heatmap. Summing the
heatmap over what each feature cell would have spread to (the adjoint) gives the same numbers
without ever holding the upsampled features.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

EPSILON = 1e-8


def upsampling_matrix(size: int, to: int, like: Tensor) -> Tensor:
    """Bilinear interpolation along one axis as a matrix [to, size]."""
    eye = torch.eye(size, dtype=like.dtype, device=like.device)
    return F.interpolate(eye[None], size=to, mode="linear", align_corners=False)[0].T


def pool_keypoints(features: Tensor, heatmaps: Tensor) -> Tensor:
    """Prototypes [B, K, C] of features [B, C, h, w] under heatmaps [B, K, H, W] (Section 3.2)."""
    rows = upsampling_matrix(features.shape[-2], heatmaps.shape[-2], heatmaps)
    columns = upsampling_matrix(features.shape[-1], heatmaps.shape[-1], heatmaps)
    weights = heatmaps / (heatmaps.sum(dim=(-2, -1), keepdim=True) + EPSILON)
    weights = (rows.T @ weights @ columns).flatten(2)
    return weights @ features.flatten(2).transpose(1, 2)
