"""Interpolates between the weights before and after training (weight-space ensembling).

python -m cape_ros.lab.training.blend START TRAINED --share 0.5 --out BLENDED

Every parameter moves in a straight line from START (0) to TRAINED (1); somewhere between, unseen
categories are found better than at either end (Wortsman et al., "Robust fine-tuning of zero-shot
models", CVPR 2022). START is the start.safetensors beside TRAINED.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from cape_ros.core.errors import CheckpointError, InvalidInput, exit_status
from cape_ros.model import CapeFormer, checkpoints


def blend(start: CapeFormer, trained: CapeFormer, share: float) -> CapeFormer:
    """A network whose parameters are `share` of the way from `start` to `trained`.

    Raises `CheckpointError` if the two are not of one architecture.
    """
    if start.config != trained.config:
        raise CheckpointError("the weights to blend are of two architectures")
    blended = CapeFormer(trained.config).eval()
    before, after = start.state_dict(), trained.state_dict()
    blended.load_state_dict(
        {
            name: torch.lerp(before[name], tensor, share) if tensor.is_floating_point() else tensor
            for name, tensor in after.items()
        }
    )
    return blended


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m cape_ros.lab.training.blend")
    parser.add_argument("start", type=Path)
    parser.add_argument("trained", type=Path)
    parser.add_argument("--share", type=float, required=True, help="of TRAINED, 0 to 1")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    if not 0 <= options.share <= 1:
        raise InvalidInput.of("--share", f"{options.share} is not from 0 to 1")
    start, _ = checkpoints.load(options.start)
    trained, facts = checkpoints.load(options.trained)
    checkpoints.save(
        options.out, blend(start, trained, options.share), facts | {"share": options.share}
    )


if __name__ == "__main__":
    sys.exit(exit_status(main))
