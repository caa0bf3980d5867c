"""Fused residual blocks on an NVIDIA GPU: cuDNN adds bias and shortcut and applies the ReLU in the
convolution."""

from __future__ import annotations

import copy
import logging
from typing import Any

import torch
from torch import Tensor, nn

from cape_ros.model.backbone import MobileNetFeatures, ResNetFeatures
from cape_ros.model.resnet import Block

Backbone = ResNetFeatures | MobileNetFeatures

logger = logging.getLogger(__name__)


class ConvolutionRelu(nn.Module):
    """A convolution with a bias, then a ReLU."""

    def __init__(self, convolution: nn.Conv2d):
        super().__init__()
        self.convolution = convolution

    def forward(self, x: Tensor) -> Tensor:
        """Features [B, C, H, W] -> [B, D, H, W], at least 0."""
        conv = self.convolution
        return torch.cudnn_convolution_relu(x, conv.weight, conv.bias, *_shape(conv))


class FusedBlock(nn.Module):
    """One of ResNet's blocks, with its batch norms folded."""

    def __init__(self, block: Block):
        super().__init__()
        convolutions = [part for part in block.children() if isinstance(part, nn.Conv2d)]
        self.first = nn.Sequential(*map(ConvolutionRelu, convolutions[:-1]))
        self.last, self.downsample = convolutions[-1], block.downsample

    def forward(self, x: Tensor) -> Tensor:
        """Features [B, C, H, W] -> [B, D, H / stride, W / stride], at least 0."""
        shortcut = self.downsample(x) if self.downsample else x
        last = self.last
        return torch.cudnn_convolution_add_relu(
            self.first(x), last.weight, shortcut, 1.0, last.bias, *_shape(last)
        )


def fuse_blocks(backbone: ResNetFeatures) -> ResNetFeatures:
    """A backbone of fused blocks that shares the parameters of this one, whose batch norms are
    folded."""
    fused = copy.copy(backbone)
    fused._modules = dict(backbone._modules)
    setattr(fused, "conv1", ConvolutionRelu(backbone.conv1))  # noqa: B010  of another type
    setattr(fused, "relu", nn.Identity())  # noqa: B010
    for name, layer in backbone.named_children():
        if isinstance(layer, nn.Sequential):
            blocks = (FusedBlock(block) for block in layer if isinstance(block, Block))
            setattr(fused, name, nn.Sequential(*blocks))
    return fused


def _shape(conv: nn.Conv2d) -> tuple[Any, Any, Any, int]:
    return conv.stride, conv.padding, conv.dilation, conv.groups


@torch.inference_mode()
def fused_or_plain(backbone: Backbone) -> Backbone:
    """The backbone with fused blocks where this GPU and its cuDNN support them, else as it is."""
    if not isinstance(backbone, ResNetFeatures):
        return backbone
    fused, weight = fuse_blocks(backbone), backbone.conv1.weight
    try:
        fused(torch.zeros(1, 3, 64, 64, dtype=weight.dtype, device=weight.device))
    except RuntimeError as error:
        logger.warning("convolutions are not fused, frames take longer: %s", error)
        return backbone
    return fused
