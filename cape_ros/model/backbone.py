"""Feature extractors: torchvision networks cut at the stride that the head works on.

Parameter names are torchvision's, so ImageNet weights and released checkpoints fit as they are.
"""

from __future__ import annotations

from torch import Tensor, nn
from torchvision.models import mobilenet_v2
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet


class ResNetFeatures(ResNet):
    """A ResNet up to layer3 (stride 16) or layer4 (stride 32): [B, 3, H, W] -> [B, C, h, w]."""

    def __init__(self, block: type[BasicBlock | Bottleneck], layers: list[int], stride: int):
        super().__init__(block, layers)
        del self.avgpool, self.fc
        self.channels = 512 * block.expansion
        if stride == 16:
            self.channels //= 2
            self.layer4 = nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))


class MobileNetFeatures(nn.Module):
    """MobileNetV2 up to its block 13 (stride 16, 96 channels) or 17 (stride 32, 320 channels)."""

    def __init__(self, stride: int):
        super().__init__()
        blocks, self.channels = {16: (14, 96), 32: (18, 320)}[stride]
        self.features = mobilenet_v2().features[:blocks]

    def forward(self, images: Tensor) -> Tensor:
        return self.features(images)


def build_backbone(name: str, stride: int) -> ResNetFeatures | MobileNetFeatures:
    """An untrained backbone; `.channels` is the number of feature channels."""
    if name == "resnet50":
        return ResNetFeatures(Bottleneck, [3, 4, 6, 3], stride)
    if name == "resnet18":
        return ResNetFeatures(BasicBlock, [2, 2, 2, 2], stride)
    return MobileNetFeatures(stride)
