"""Feature extractors: ImageNet classifiers cut at the stride that the head works on.

Parameter names are torchvision's, so ImageNet weights and released checkpoints fit as they are.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cape_ros.core.pause import Pause, no_pause
from cape_ros.model.resnet import BasicBlock, Block, Bottleneck, ResNet

FINE = 0.5  # length of layer2's features beside layer3's


class ResNetFeatures(ResNet):
    """A ResNet up to layer3 (stride 16) or layer4 (stride 32): [B, 3, H, W] -> [B, C, h, w].

    At stride 8 the features are those of layer3, upsampled, concatenated with those of layer2:
    layer3 carries semantics, layer2 location. Each is L2-normalised.
    """

    def __init__(self, block: type[Block], layers: list[int], stride: int):
        super().__init__(block, layers)
        del self.fc
        self.stride = stride
        self.channels = {8: 384, 16: 256, 32: 512}[stride] * block.expansion
        if stride < 32:
            self.layer4 = nn.Identity()

    def forward(self, images: Tensor, between: Pause = no_pause) -> Tensor:
        """Features [B, C, h, w] of normalised images [B, 3, H, W]. between: is called between
        stages of about the same time."""
        x = self.layer1(self.maxpool(self.relu(self.bn1(self.conv1(images)))))
        between()
        fine = self.layer2(x)
        between()
        deep: Tensor = self.layer4(self.layer3(fine))
        if self.stride > 8:
            return deep
        deep = F.interpolate(F.normalize(deep, dim=1), size=fine.shape[-2:], mode="bilinear")
        return torch.cat((deep, FINE * F.normalize(fine, dim=1)), dim=1)


class MobileNetFeatures(nn.Module):
    """MobileNetV2 up to its block 13 (stride 16, 96 channels) or 17 (stride 32, 320 channels)."""

    def __init__(self, stride: int):
        from torchvision.models import mobilenet_v2  # takes seconds

        super().__init__()
        blocks, self.channels = {16: (14, 96), 32: (18, 320)}[stride]
        self.features = mobilenet_v2().features[:blocks]

    def forward(self, images: Tensor, between: Pause = no_pause) -> Tensor:
        """Features [B, C, h, w] of normalised images [B, 3, H, W], in one stage."""
        features: Tensor = self.features(images)
        return features


def build_backbone(name: str, stride: int) -> ResNetFeatures | MobileNetFeatures:
    """An untrained backbone; `.channels` is the number of feature channels."""
    if name == "resnet50":
        return ResNetFeatures(Bottleneck, [3, 4, 6, 3], stride)
    if name == "resnet18":
        return ResNetFeatures(BasicBlock, [2, 2, 2, 2], stride)
    return MobileNetFeatures(stride)
