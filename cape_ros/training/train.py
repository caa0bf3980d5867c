"""Train the shipped weights: an honest small loop, every layer of the network fine-tuned.

python -m cape_ros.training.train DATA PHOTOGRAPHS RESNET18.pth --out FOLDER

DATA holds images/ and annotations/train.json, PHOTOGRAPHS images without annotations. The log
(log.csv), the weights before the first step (start.safetensors) and the newest ones
(weights.safetensors) lie in FOLDER.
"""

from __future__ import annotations

import argparse
import csv
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch
from rich.progress import track
from torch import Tensor
from torch.optim import AdamW
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, Dataset

from cape_ros.evaluation.anchors import imagenet_resnet18
from cape_ros.model import (
    CapeFormer,
    CapeFormerConfig,
    CapeOutput,
    KeypointTokens,
    checkpoints,
)
from cape_ros.model.losses import losses
from cape_ros.training.data.episodes import EpisodeConfig, Episodes, Step
from cape_ros.training.data.mp100 import Dataset as Annotated
from cape_ros.training.data.mp100 import read
from cape_ros.training.matcher import start_as_matcher

NETWORK = CapeFormerConfig(
    backbone="resnet18",
    stride=8,
    pooling=2,
    mask_sigma=0.5,
    round_masks=False,
    layout=True,
    width=128,
    heads=4,
    feedforward=512,
    dropout=0.0,
)
HELD_OUT = ("motorbike", "mouse_reach")  # never trained on: they choose and calibrate
MATCHING_WEIGHT = 0.25


@dataclass(frozen=True)
class Recipe:
    """How the network learns. Rates are the highest ones: warm-up before, cosine after.

    What makes the network a nearest-neighbour matcher moves little: fast, it forgets the breadth
    of ImageNet for the narrowness of a dozen categories.
    """

    steps: int = 400
    decoder_rate: float = 4e-4
    encoder_rate: float = 2e-5
    matcher_rate: float = 1e-5  # projections and proposals
    backbone_rate: float = 8e-5
    warm_up: int = 40  # steps
    weight_decay: float = 1e-3
    largest_gradient: float = 1.0  # norm; a longer one is cut
    early_layers_from: float = 0.6  # part of the steps after which those before layer3 learn too
    decoder_only: bool = False  # everything else stays as it is
    averaged: float = 0.99  # the shipped weights are a moving average with this memory
    seed: int = 1


class Steps(Dataset[Step]):
    """The steps of a training run by number: the same run draws the same steps."""

    def __init__(self, episodes: Episodes, recipe: Recipe):
        self._episodes, self._recipe = episodes, recipe

    def __len__(self) -> int:
        return self._recipe.steps

    def __getitem__(self, index: int) -> Step:
        return self._episodes.draw((self._recipe.seed, index))


def objective(net: CapeFormer, step: Step) -> dict[str, Tensor]:
    """The paper's losses of the points over the step's pairs, and `matching` in place of its
    heatmap loss: on a fine grid almost every cell is empty, and a squared error is content with
    "nowhere" as the answer to everything.
    """
    batch, pairs = step.batch, len(step.support)
    tokens, output, query = match_step(net, step)
    weight = (batch.weight[query] * tokens.mask)[:pairs]
    points, heatmaps = batch.points[step.query], batch.heatmaps[step.query]
    terms = losses(output.first(pairs), points, heatmaps, weight, heatmap_weight=0.0)
    terms["matching"] = matching_loss(
        output.similarity, batch.points[query], torch.cat((weight, tokens.mask[pairs:])), pairs
    )
    terms["loss"] = terms["loss"] + MATCHING_WEIGHT * terms["matching"]
    return terms


def match_step(net: CapeFormer, step: Step) -> tuple[KeypointTokens, CapeOutput, Tensor]:
    """The step's pairs, then its strangers, through the network; every view is extracted once.

    Returns the tokens, the output, and the view that each sample is looked for in [P + N].
    """
    batch = step.batch
    features = net.extract(batch.images)
    support, query = torch.cat((step.support, step.stranger)), torch.cat((step.query, step.host))
    tokens = net.pool([features[support]], [batch.heatmaps[support]], [batch.weight[support]])
    return tokens, net.match(features[query], tokens), query


def matching_loss(similarity: Tensor, points: Tensor, weight: Tensor, pairs: int) -> Tensor:
    """Cross-entropy of the matching: each keypoint belongs to the cells around its place.

    The samples from `pairs` on show nothing of their support: their keypoints belong to "nowhere",
    whose logit is 0. So a similarity below zero everywhere comes to mean that a keypoint is absent,
    which later tells a lost object from a found one.
    similarity: [B, K, h, w]. points: [B, K, 2] in [0, 1]. weight: [B, K], 1 where it counts.
    """
    height, width = similarity.shape[-2:]
    logits = torch.cat((torch.zeros_like(similarity[..., :1, 0]), similarity.flatten(2)), dim=-1)
    column = points[..., 0, None] * width - 0.5 - torch.arange(width)
    row = points[..., 1, None] * height - 0.5 - torch.arange(height)
    across, down = (1 - column.abs()).clamp(min=0), (1 - row.abs()).clamp(min=0)
    across = across / across.sum(dim=-1, keepdim=True).clamp(min=1e-6)
    down = down / down.sum(dim=-1, keepdim=True).clamp(min=1e-6)
    cells = (down.unsqueeze(-1) * across.unsqueeze(-2)).flatten(2)
    target = torch.cat((torch.zeros_like(cells[..., :1]), cells), dim=-1)
    target[pairs:] = 0
    target[pairs:, :, 0] = 1
    entropy = -(target * logits.log_softmax(dim=-1)).sum(dim=-1)
    return (entropy * weight).sum() / weight.sum().clamp(min=1)


def rate_at(step: int, recipe: Recipe) -> float:
    """Part of the highest rate."""
    if step < recipe.warm_up:
        return (step + 1) / recipe.warm_up
    done = (step - recipe.warm_up) / max(1, recipe.steps - recipe.warm_up)
    return 0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2


def start(net: CapeFormer, imagenet: Path, episodes: Episodes, seed: int) -> None:
    """An ImageNet backbone and a head that matches its features before the first step."""
    net.backbone.load_state_dict(imagenet_resnet18(imagenet).state_dict())
    net.eval()
    with torch.no_grad():
        seen = [net.extract(episodes.draw((seed, n, 0)).batch.images) for n in range(12)]
    samples = torch.cat(seen).flatten(2).transpose(1, 2).flatten(0, 1)
    start_as_matcher(net, samples[torch.randperm(len(samples))[:20000]])


def train(net: CapeFormer, episodes: Episodes, recipe: Recipe, out: Path) -> CapeFormer:
    """Returns the averaged network; what the steps cost and how they went is in out/log.csv.

    The batch norms of a backbone whose statistics are folded stay in evaluation mode.
    """
    if recipe.decoder_only:
        for name, parameter in net.named_parameters():
            parameter.requires_grad_(name.startswith("decoder."))
    optimiser = AdamW(_by_rate(net, recipe), weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: rate_at(step, recipe))
    averaged = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(recipe.averaged))
    loader = DataLoader(Steps(episodes, recipe), batch_size=None, num_workers=1, prefetch_factor=6)
    early = [
        p
        for name, p in net.backbone.named_parameters()
        if p.requires_grad and not name.startswith("layer3.")
    ]
    began = time.monotonic()
    with (out / "log.csv").open("w", newline="", buffering=1) as file:
        log = csv.writer(file)
        for index, step in enumerate(track(loader, "training", total=recipe.steps)):
            for parameter in early:  # much of a step's cost, for what changes least
                parameter.requires_grad_(index >= recipe.early_layers_from * recipe.steps)
            terms = objective(net, step)
            optimiser.zero_grad(set_to_none=True)
            terms["loss"].backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), recipe.largest_gradient)
            optimiser.step()
            schedule.step()
            averaged.update_parameters(net)
            if index == 0:
                log.writerow(["step", "seconds", *terms])
            values = (f"{float(term.detach()):.5f}" for term in terms.values())
            log.writerow([index, f"{time.monotonic() - began:.1f}", *values])
            if index % 100 == 99:
                _save(cast(CapeFormer, averaged.module), recipe, episodes, index + 1, began, out)
    return cast(CapeFormer, averaged.module)


def _by_rate(net: CapeFormer, recipe: Recipe) -> list[dict[str, Any]]:
    """What learns, room by room, each with its rate."""
    rates = {
        "backbone": recipe.backbone_rate,
        "encoder": recipe.encoder_rate,
        "decoder": recipe.decoder_rate,
    }
    return [
        {"params": list(parameters), "lr": rates.get(name, recipe.matcher_rate)}
        for name, part in net.named_children()
        if (parameters := [p for p in part.parameters() if p.requires_grad])
    ]


def _save(
    net: CapeFormer, recipe: Recipe, episodes: Episodes, steps: int, began: float, out: Path
) -> None:
    facts = {
        "name": "cape_r18",
        "steps": steps,
        "hours": round((time.monotonic() - began) / 3600, 2),
        "threads": torch.get_num_threads(),
        "recipe": asdict(recipe),
        "episodes": asdict(episodes.config),
        "held_out": HELD_OUT,
    }
    checkpoints.save(out / "weights.safetensors", net, facts)


def training_data(data: Path, held_out: Sequence[str] = HELD_OUT) -> Annotated:
    """The annotated objects of DATA/annotations/train.json without the held-out categories."""
    everything = read(data / "annotations" / "train.json", data / "images")
    return everything.only(name for name in everything.categories.values() if name not in held_out)


def images_in(folder: Path) -> Iterator[Path]:
    """Photographs below a folder, in the order of their names."""
    return (p for p in sorted(folder.rglob("*")) if p.suffix.lower() in (".jpg", ".jpeg", ".png"))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m cape_ros.training.train")
    parser.add_argument("data", type=Path, help="folder with images/ and annotations/")
    parser.add_argument("photographs", type=Path, help="folder of images without annotations")
    parser.add_argument("imagenet", type=Path, help="ResNet-18 weights to start from")
    parser.add_argument("--out", type=Path, default=Path("runs/cape_r18"))
    parser.add_argument("--start", type=Path, help="weights to go on from, not a new head")
    parser.add_argument("--steps", type=int, default=Recipe.steps)
    parser.add_argument("--decoder-only", action="store_true")
    parser.add_argument("--warped", type=float, default=EpisodeConfig.warped)
    parser.add_argument("--seed", type=int, default=Recipe.seed)
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    recipe = Recipe(steps=options.steps, seed=options.seed, decoder_only=options.decoder_only)
    photographs = list(images_in(options.photographs))
    torch.manual_seed(options.seed)
    data, config = training_data(options.data), EpisodeConfig(warped=options.warped)
    net = checkpoints.load(options.start)[0] if options.start else CapeFormer(NETWORK)
    episodes = Episodes(data, photographs, config, net.config)
    if not options.start:
        start(net, options.imagenet, episodes, options.seed)
    checkpoints.save(options.out / "start.safetensors", net, {"name": "start"})
    train(net, episodes, recipe, options.out)


if __name__ == "__main__":
    main()
