"""Counts the floating-point operations of a pair."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch.utils.flop_counter import FlopCounterMode

from cape_ros.lab.baselines.interface import AnyNetwork

KEYPOINTS = 100  # to which the release pads every pair


def gflops(net: AnyNetwork, keypoints: int = KEYPOINTS) -> float:
    """Of one support and one query, from images to points: 10^9 products and sums.

    Nothing is computed: matrix products and convolutions are counted on tensors without data. The
    votes of the support's layout are not counted.
    """
    with torch.device("meta"):
        ghost = type(net)(replace(net.config, layout=False))
        image = torch.empty(1, 3, *net.config.image_size)
        heatmaps = torch.empty(1, keypoints, 64, 64)
        mask = torch.ones(1, keypoints, dtype=torch.bool)
    ghost.train()  # in evaluation, attention may hide in one operator
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        ghost(image, ghost.encode_support([image], [heatmaps], [mask]))
    operations: int = counter.get_total_flops()
    return operations / 1e9
