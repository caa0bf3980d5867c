"""Teach the scores: from the network's signals to the chance that a point is right.

python -m cape_ros.training.calibrate WEIGHTS DATA PHOTOGRAPHS --out CALIBRATED

Pairs of held-out categories, of photographs seen from several sides and of strangers (a support
with a query that shows nothing of it, where every answer is wrong) are looked at; a logistic
regression then learns which answers lie within 0.1 of the box's longer side.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from rich.progress import track
from torch import Tensor
from torch.nn import functional as F

from cape_ros.errors import CheckpointError
from cape_ros.evaluation.score_quality import auroc, calibration_error
from cape_ros.model import CapeFormer, checkpoints
from cape_ros.model.scores import Calibration, signals
from cape_ros.perception.geometry import PADDING
from cape_ros.training.config import DataConfig
from cape_ros.training.data.episodes import EpisodeConfig, Episodes, Step
from cape_ros.training.data.views import images_in
from cape_ros.training.material import annotated
from cape_ros.training.objective import match_step

CLOSE = 0.1 / PADDING  # of the crop's side; the crop is larger than the box
SEED = 2


@torch.inference_mode()
def look(net: CapeFormer, step: Step) -> tuple[Tensor, Tensor]:
    """Signals [N, S] of every keypoint that can be judged, and whether it is right [N]."""
    batch, pairs = step.batch, len(step.support)
    tokens, output, query = match_step(net, step)
    near = (output.points[-1] - batch.points[query]).norm(dim=-1) < CLOSE
    shown = batch.weight[query].bool()
    shown[pairs:], near[pairs:] = True, False
    judged = shown & tokens.mask
    return signals(output, tokens.mask)[judged], near[judged]


def fit(seen: Tensor, right: Tensor) -> Calibration:
    """Logistic regression with a little ridge, by LBFGS; the signals are whitened on the way."""
    mean, std = seen.mean(dim=0), seen.std(dim=0).clamp(min=1e-6)
    inputs, target = ((seen - mean) / std).double(), right.double()
    weights = torch.zeros(inputs.shape[1], dtype=torch.double, requires_grad=True)
    bias = torch.zeros((), dtype=torch.double, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights, bias], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = F.binary_cross_entropy_with_logits(inputs @ weights + bias, target)
        loss = loss + 1e-4 * weights.square().sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    scaled = weights.detach() / std
    return Calibration(
        tuple(round(float(w), 5) for w in scaled),
        round(float(bias.detach() - (scaled * mean).sum()), 5),
    )


def collect(net: CapeFormer, episodes: Episodes, seed: int, steps: int) -> tuple[Tensor, Tensor]:
    """`look` at several steps."""
    drawn = (episodes.draw((seed, number)) for number in range(steps))
    seen, right = zip(*(look(net, step) for step in track(drawn, "looking", steps)), strict=True)
    return torch.cat(seen), torch.cat(right)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m cape_ros.training.calibrate")
    parser.add_argument("weights", type=Path)
    parser.add_argument("data", type=Path, help="folder with images/ and annotations/")
    parser.add_argument("photographs", type=Path, help="folder of images without annotations")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=60, help="of 36 pairs and 18 strangers")
    options = parser.parse_args(arguments)
    net, facts = checkpoints.load(options.weights)
    if not (held_out := facts.get("held_out")):
        raise CheckpointError(f"{options.weights}: no category was held out of its training")
    everything = annotated(DataConfig(options.data))
    config = EpisodeConfig(warped=0.5, strangers=18, balance=0.0)
    episodes = Episodes(
        everything.only(held_out), list(images_in(options.photographs)), config, net.config
    )
    seen, right = collect(net, episodes, SEED, options.steps)
    calibration = fit(seen, right)
    seen, right = collect(net, episodes, SEED + 1, options.steps)  # other views than were fitted
    scores = torch.sigmoid(seen @ torch.tensor(calibration.weights) + calibration.bias).numpy()
    judged = right.numpy()
    quality = {
        "auroc": round(auroc(scores, judged), 4),
        "calibration_error": round(calibration_error(scores, judged), 4),
        "right": round(float(judged.mean()), 4),
        "points": len(judged),
    }
    print(quality, calibration)
    checkpoints.save(
        options.out, net, facts | calibration.to_facts() | {"calibration_quality": quality}
    )


if __name__ == "__main__":
    main()
