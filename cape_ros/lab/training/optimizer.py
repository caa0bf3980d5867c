"""The optimizer: trainable parameters, learning rates and their schedule."""

from __future__ import annotations

import math
from typing import Any

from torch import nn
from torch.optim import AdamW

from cape_ros.lab.baselines.interface import AnyNetwork
from cape_ros.lab.training.config import Cosine, Milestones, OptimiserConfig, TrainingConfig

FINAL_RATE = 0.01  # part of the highest rate that a cosine ends at


def optimiser_of(net: AnyNetwork, config: OptimiserConfig) -> AdamW:
    """Section by section, each with its rate, also kept as `highest`; those of rate 0 stay."""
    groups: list[dict[str, Any]] = []
    for name, part in net.named_children():
        rate = config.rates.get(name, config.rate)
        part.requires_grad_(rate > 0)
        if rate > 0 and (parameters := list(part.parameters())):
            groups.append({"params": parameters, "lr": rate, "highest": rate})
    fused = next(net.parameters()).device.type == "cuda"
    return AdamW(groups, weight_decay=config.weight_decay, fused=fused)


def early_layers(net: AnyNetwork) -> list[nn.Parameter]:
    """What of a backbone that learns comes before layer3: much of a step's cost, and what changes
    least."""
    backbones = [net.backbone, net.support_backbone]
    return [
        parameter
        for backbone in backbones
        if backbone
        for name, parameter in backbone.named_parameters()
        if parameter.requires_grad and not name.startswith(("layer3.", "layer4."))
    ]


def set_mode(net: AnyNetwork, config: TrainingConfig) -> None:
    """Training mode, with the batch norm of a backbone in evaluation mode if it is frozen."""
    net.train()
    for part in (net.backbone, net.support_backbone):
        for module in part.modules() if part and config.batch_norm == "frozen" else ():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()


def rate_at(step: int, schedule: Cosine | Milestones, steps: int, epoch: int) -> float:
    """Part of the highest rate. steps: of the run. epoch: steps of one epoch."""
    if isinstance(schedule, Cosine):
        if step < schedule.warm_up:
            return (step + 1) / schedule.warm_up
        done = (step - schedule.warm_up) / max(1, steps - schedule.warm_up)
        return FINAL_RATE + (1 - FINAL_RATE) * (1 + math.cos(math.pi * done)) / 2
    passed = sum(step // max(1, epoch) >= milestone for milestone in schedule.epochs)
    rate = schedule.factor**passed
    if step < schedule.warm_up:
        rest = 1 - step / schedule.warm_up
        rate *= 1 - rest * (1 - schedule.warm_up_ratio)
    return rate
