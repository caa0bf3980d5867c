"""The networks by name: CapeFormer and the trained baselines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cape_ros.lab.baselines.interface import AnyNetwork
from cape_ros.lab.baselines.pomnet import POMNet
from cape_ros.lab.baselines.protonet import ProtoNet
from cape_ros.model import CapeFormer, checkpoints

MODELS: dict[str, type[AnyNetwork]] = {
    checkpoints.model_name(kind): kind for kind in (CapeFormer, ProtoNet, POMNet)
}


def load(path: Path) -> tuple[AnyNetwork, dict[str, Any]]:
    """As `checkpoints.load`, for any of the models."""
    return checkpoints.load_one_of(path, tuple(MODELS.values()))
