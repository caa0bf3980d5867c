"""Training-free baselines: copying the support's layout, and nearest-neighbour matching."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from cape_ros.core.errors import CheckpointError
from cape_ros.model.backbone import ResNetFeatures, build_backbone
from cape_ros.model.encoding import cell_centres

FINER = 4  # how much finer than the grid the nearest neighbour is searched


def copy_layout(points: Tensor) -> Tensor:
    """Put the support's keypoints at the same places of the query's crop.

    points [S, K, 2] of the shots, in [0, 1] of their crops -> [K, 2].
    """
    return points.mean(dim=0)


def nearest_neighbour(prototypes: Tensor, features: Tensor) -> Tensor:
    """The places of the query's features most similar (cosine) to the keypoints', to 1/4 cell.

    prototypes [S, K, C], the features at the keypoints of the shots; features [C, h, w] of the
    query -> [K, 2] in [0, 1]. Sampled at the point and found between cells this is the stronger
    form of the anchor: soft masks and cell centres cost it 5 to 14 points of PCK@0.05.
    """
    keypoints = F.normalize(prototypes.mean(dim=0), dim=-1)
    similarity = torch.einsum("kc,chw->khw", keypoints, F.normalize(features, dim=0))
    fine = F.interpolate(similarity[None], scale_factor=FINER, mode="bicubic", align_corners=False)
    best = fine[0].flatten(1).argmax(dim=-1)
    return cell_centres(*fine.shape[-2:])[best]


def imagenet_resnet18(weights: Path) -> ResNetFeatures:
    """ResNet-18 up to layer3, with ImageNet weights in torchvision's names, batch norm as stored.

    Raises `CheckpointError` if the file is not that.
    """
    backbone = build_backbone("resnet18", 16)
    assert isinstance(backbone, ResNetFeatures)
    try:
        state = torch.load(weights, map_location="cpu", weights_only=True)
        lacking = backbone.load_state_dict(state, strict=False).missing_keys
    except Exception as error:
        raise CheckpointError(f"{weights}: not ResNet-18 weights: {error}") from error
    lacking = [key for key in lacking if not key.endswith("num_batches_tracked")]
    if lacking:
        raise CheckpointError(f"{weights}: not ResNet-18 weights, {lacking[0]} is missing")
    return backbone.eval()
