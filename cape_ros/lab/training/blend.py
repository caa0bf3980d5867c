"""Interpolates between the weights before and after training (weight-space ensembling).

python -m cape_ros.lab.training.blend START TRAINED --share 0.5 --out BLENDED

Every parameter moves in a straight line from START (0) to TRAINED (1); somewhere between, unseen
categories are found better than at either end (Wortsman et al., "Robust fine-tuning of zero-shot
models", CVPR 2022). START is the start.safetensors beside TRAINED.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import torch
import typer

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


def main(
    start: Path,
    trained: Path,
    share: Annotated[float, typer.Option(help="Of TRAINED, 0 to 1.")],
    out: Annotated[Path, typer.Option(help="File to write.")],
) -> None:
    """Give back to trained weights some of what they were before."""
    if not 0 <= share <= 1:
        raise InvalidInput.of("--share", f"{share} is not from 0 to 1")
    before, _ = checkpoints.load(start)
    after, facts = checkpoints.load(trained)
    checkpoints.save(out, blend(before, after, share), facts | {"share": share})


if __name__ == "__main__":
    sys.exit(exit_status(lambda: typer.run(main)))
