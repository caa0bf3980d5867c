"""Prepares a network for inference: folded batch norms, channels last, one precision."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

Net = TypeVar("Net", bound=nn.Module)


def ready(net: Net, device: torch.device, dtype: torch.dtype = torch.float32) -> Net:
    """A copy on a device: batch norms folded, channels last, parameters of one type."""
    net = copy.deepcopy(net).eval().requires_grad_(False)
    fold_batch_norms(net)
    return net.to(device, dtype).to(memory_format=torch.channels_last)


def fold_batch_norms(module: nn.Module) -> None:
    """Let every convolution do the work of the batch norm that follows it; evaluation mode."""
    before, convolution = "", None
    for name, child in list(module.named_children()):
        if isinstance(child, nn.BatchNorm2d) and isinstance(convolution, nn.Conv2d):
            setattr(module, before, fuse_conv_bn_eval(convolution, child))
            setattr(module, name, nn.Identity())
        else:
            fold_batch_norms(child)
        before, convolution = name, child
