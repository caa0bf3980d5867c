"""Without a GPU: cuDNN's calls are replaced by the operations that they fuse."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from cape_ros.model.backbone import build_backbone
from cape_ros.model.inference import ready
from cape_ros.perception.inference.fused_blocks import FusedBlock, fused_or_plain

pytestmark = pytest.mark.numeric

CPU = torch.device("cpu")


def convolve_relu(x: Tensor, weight: Tensor, bias: Tensor, *shape: Any) -> Tensor:
    return F.relu(F.conv2d(x, weight, bias, *shape))


def convolve_add_relu(
    x: Tensor, weight: Tensor, added: Tensor, share: float, bias: Tensor, *shape: Any
) -> Tensor:
    return F.relu(F.conv2d(x, weight, bias, *shape) + share * added)


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "cudnn_convolution_relu", convolve_relu)
    monkeypatch.setattr(torch, "cudnn_convolution_add_relu", convolve_add_relu)


@pytest.mark.usefixtures("stand_ins")
@pytest.mark.parametrize(("name", "stride"), [("resnet18", 8), ("resnet18", 16), ("resnet50", 32)])
def test_fused_blocks_give_the_same_features(name: str, stride: int) -> None:
    torch.manual_seed(0)
    plain = ready(build_backbone(name, stride), CPU)
    fused = fused_or_plain(plain)
    assert any(isinstance(module, FusedBlock) for module in fused.modules())
    assert not any(isinstance(module, FusedBlock) for module in plain.modules())
    images = torch.randn(2, 3, 64, 96)
    torch.testing.assert_close(fused(images), plain(images), rtol=1e-4, atol=1e-5)


def test_where_cudnn_cannot_nothing_is_fused(caplog: pytest.LogCaptureFixture) -> None:
    """As here, where there is no GPU."""
    plain = ready(build_backbone("resnet18", 16), CPU)
    with caplog.at_level(logging.WARNING):
        assert fused_or_plain(plain) is plain
    assert len(caplog.records) == 1


def test_a_backbone_of_another_kind_stays() -> None:
    plain = ready(build_backbone("mobilenet_v2", 16), CPU)
    assert fused_or_plain(plain) is plain
