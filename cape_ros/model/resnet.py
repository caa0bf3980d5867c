"""ResNet [He 2016], with the parameter names and the initial values of torchvision's.

Written out here because importing torchvision takes longer than importing PyTorch, and a node needs
nothing else of it. As there, a bottleneck strides in its 3x3 convolution (ResNet v1.5).
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

CLASSES = 1000  # of ImageNet


class Block(nn.Module):
    """Convolutions of these sizes beside a shortcut: [B, C, H, W] -> [B, D, H / stride, ...]."""

    expansion = 1  # channels out for each one in the middle
    sizes: tuple[int, ...] = ()
    strided = 0  # which of the convolutions strides

    def __init__(self, channels: int, middle: int, stride: int) -> None:
        super().__init__()
        out = middle * self.expansion
        widths = [channels, *[middle] * (len(self.sizes) - 1), out]
        # Before the others, as torchvision makes it: so the same seed leads to the same values.
        shortcut = None
        if stride != 1 or channels != out:
            shortcut = nn.Sequential(convolution(channels, out, 1, stride), nn.BatchNorm2d(out))
        for index, (size, ends) in enumerate(zip(self.sizes, pairwise(widths), strict=True)):
            here = stride if index == self.strided else 1
            setattr(self, f"conv{index + 1}", convolution(*ends, size, here))
            setattr(self, f"bn{index + 1}", nn.BatchNorm2d(ends[1]))
        self.relu = nn.ReLU(inplace=True)
        self.downsample = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """Features [B, C, H, W] -> [B, D, H / stride, W / stride]."""
        shortcut = x if self.downsample is None else self.downsample(x)
        for index in range(1, len(self.sizes)):
            x = self.relu(getattr(self, f"bn{index}")(getattr(self, f"conv{index}")(x)))
        last = len(self.sizes)
        x = getattr(self, f"bn{last}")(getattr(self, f"conv{last}")(x))
        x += shortcut
        out: Tensor = self.relu(x)
        return out


class BasicBlock(Block):
    """The residual block of ResNet-18: two 3x3 convolutions."""

    sizes = (3, 3)


class Bottleneck(Block):
    """The residual block of ResNet-50: 1x1, 3x3 and 1x1 convolutions."""

    expansion = 4
    sizes = (1, 3, 1)
    strided = 1


class ResNet(nn.Module):
    """The whole classifier; subclasses delete the layers that they do not use.

    layers: how many blocks each of the four has.
    """

    layer1: nn.Sequential
    layer2: nn.Sequential
    layer3: nn.Sequential
    layer4: nn.Module  # may be cut off

    def __init__(self, block: type[Block], layers: list[int]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        channels = 64
        for index, blocks in enumerate(layers):
            middle, stride = 64 << index, 1 if index == 0 else 2
            first = block(channels, middle, stride)
            channels = middle * block.expansion
            rest = [block(channels, middle, 1) for _ in range(blocks - 1)]
            setattr(self, f"layer{index + 1}", nn.Sequential(first, *rest))
        self.fc = nn.Linear(channels, CLASSES)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def convolution(channels: int, out: int, size: int, stride: int) -> nn.Conv2d:
    """A convolution of odd `size` without bias, padded so that stride 1 keeps height and width."""
    return nn.Conv2d(channels, out, size, stride, padding=size // 2, bias=False)
