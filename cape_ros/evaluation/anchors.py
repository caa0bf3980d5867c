"""What any trained network must beat: two answers that need no training at all."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from cape_ros.errors import CheckpointError
from cape_ros.model.backbone import ResNetFeatures, build_backbone
from cape_ros.model.encoding import cell_centres


def copy_layout(points: Tensor) -> Tensor:
    """Put the support's keypoints at the same places of the query's crop.

    points [S, K, 2] of the shots, in [0, 1] of their crops -> [K, 2].
    """
    return points.mean(dim=0)


def nearest_neighbour(prototypes: Tensor, features: Tensor) -> Tensor:
    """The centre of the query's cell whose feature is most like the keypoint's (cosine).

    prototypes [S, K, C], the features under the shots' soft masks; features [C, h, w] of the
    query -> [K, 2] in [0, 1].
    """
    keypoints = F.normalize(prototypes.mean(dim=0), dim=-1)
    similarity = keypoints @ F.normalize(features.flatten(1), dim=0)
    return cell_centres(*features.shape[-2:])[similarity.argmax(dim=-1)]


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
