"""The configuration of a training run: every option that changes its result.

A file of `config/training/` is one `TrainingConfig`; `read_config` in config_file.py reads it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from cape_ros.core.errors import Fault, InvalidInput
from cape_ros.lab.training.data.episodes import EpisodeConfig
from cape_ros.model import CapeFormerConfig
from cape_ros.model.losses import HEATMAP_WEIGHT

SECTIONS = (
    "backbone",
    "support_backbone",
    "input_proj",
    "token_proj",
    "token_norm",
    "encoder",
    "proposals",
    "decoder",
)
"""The parts of a network that can have a learning rate of their own."""


@dataclass(frozen=True)
class DataConfig:
    """Annotated objects in MP-100's format, photographs that need no annotation, and views that
    `cape lab render` made."""

    root: Path | None = None  # holds what the next two name
    annotations: str = "annotations/train.json"
    images: str = "images"
    allow_missing: bool = False  # leave out objects whose image does not exist, and say how many
    photographs: Path | None = None  # `episodes` need them, `few_shot` does not
    rendered: Path | None = None  # a cache of views, for `episodes.rendered`
    held_out: tuple[str, ...] = ()  # categories of the file that are never trained on


@dataclass(frozen=True)
class StartConfig:
    """The initial parameters; random by default."""

    imagenet: str | None = None  # backbone: a file, or torchvision's name of weights in its cache
    weights: Path | None = None  # a checkpoint of the same architecture, backbone and head
    matcher: bool = False  # the head as a nearest-neighbour matcher: see matcher.py

    def __post_init__(self) -> None:
        if self.weights and (self.imagenet or self.matcher):
            raise InvalidInput.of("weights", "are the whole network: no imagenet, no matcher")


@dataclass(frozen=True)
class FewShotConfig:
    """Steps of the paper: `batch` queries, each with `shots` supports of its category."""

    shots: int = 1
    batch: int = 16  # over all processes

    def __post_init__(self) -> None:
        _refuse(_least(self, 1, "shots", "batch"))


@dataclass(frozen=True)
class ObjectiveConfig:
    """Weights of the terms beside the L1 losses of the points (paper, Section 3.6)."""

    heatmap_weight: float = HEATMAP_WEIGHT  # lambda_h
    matching_weight: float = 0.0  # cross-entropy of the matching: see objective.py

    def __post_init__(self) -> None:
        _refuse(_least(self, 0, "heatmap_weight", "matching_weight"))


@dataclass(frozen=True)
class OptimiserConfig:
    """AdamW; with no weight decay that is Adam."""

    rate: float = 1e-5  # the highest one: the schedule makes it smaller
    rates: dict[str, float] = field(default_factory=dict)  # of rooms that differ; 0: never learns
    weight_decay: float = 0.0
    largest_gradient: float | None = None  # norm; a longer one is cut
    early_layers_from: float = 0.0  # part of the steps before layer1 and layer2 learn, too

    def __post_init__(self) -> None:
        faults = list(_least(self, 0, "rate", "weight_decay"))
        for section, rate in self.rates.items():
            if section not in SECTIONS:
                faults.append(Fault(f"rates.{section}", f"is not one of {', '.join(SECTIONS)}"))
            elif rate < 0:
                faults.append(Fault(f"rates.{section}", f"{rate} must be at least 0"))
        if self.largest_gradient is not None and self.largest_gradient <= 0:
            faults.append(Fault("largest_gradient", f"{self.largest_gradient} must be above 0"))
        if not 0 <= self.early_layers_from <= 1:
            faults.append(Fault("early_layers_from", "must lie in [0, 1]"))
        _refuse(faults)


@dataclass(frozen=True)
class Cosine:
    """A linear rise, then half a cosine down to a hundredth."""

    warm_up: int = 40  # steps

    def __post_init__(self) -> None:
        _refuse(_least(self, 0, "warm_up"))


@dataclass(frozen=True)
class Milestones:
    """A linear rise from `warm_up_ratio`, then a constant rate that falls by `factor` at epochs."""

    warm_up: int = 1000  # steps
    warm_up_ratio: float = 0.001
    epochs: tuple[int, ...] = (160, 180)
    factor: float = 0.1

    def __post_init__(self) -> None:
        _refuse(_least(self, 0, "warm_up", "warm_up_ratio", "factor"))


@dataclass(frozen=True)
class PairsConfig:
    """Pairs that a network is measured on, of categories that it was not trained on."""

    annotations: str | None = None  # a file in data.root; without, the held-out categories
    shots: int = 1
    pairs: int = 100  # of each category, at most
    mp100: bool = False  # the pairs of MP-100's protocol instead

    def __post_init__(self) -> None:
        _refuse(_least(self, 1, "shots", "pairs"))


@dataclass(frozen=True)
class ValidationConfig(PairsConfig):
    """PCK while the network is trained; changes nothing of the training."""

    every: int = 100  # steps, and at the end

    def __post_init__(self) -> None:
        super().__post_init__()
        _refuse(_least(self, 1, "every"))


@dataclass(frozen=True)
class TrainingConfig:
    """A training run. Raises `InvalidInput` that names every field that cannot be."""

    name: str
    network: CapeFormerConfig
    optimiser: OptimiserConfig
    model: Literal["capeformer", "protonet", "pomnet"] = "capeformer"  # the others to compare with
    data: DataConfig = field(default_factory=DataConfig)
    start: StartConfig = field(default_factory=StartConfig)
    few_shot: FewShotConfig | None = None  # the data of a step: this
    episodes: EpisodeConfig | None = None  # or this
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    milestones: Milestones | None = None  # how the rate goes: so
    cosine: Cosine | None = None  # or so
    epochs: int | None = None  # how long, of `few_shot`: each has, of every category, as many
    # queries as the largest category has objects
    steps: int | None = None  # or in steps
    batch_norm: Literal["trained", "frozen"] = "trained"  # of the backbone
    averaged: float | None = None  # memory of a moving average of the weights, which is what ships
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    seed: int = 1
    workers: int = 1  # processes that prepare steps, for each process that trains
    validation: ValidationConfig | None = None
    checkpoint_every: int = 100  # steps

    def __post_init__(self) -> None:
        faults = list(_least(self, 1, "checkpoint_every"))
        faults += _least(self, 0, "seed", "workers")
        for one, other in (
            ("few_shot", "episodes"),
            ("milestones", "cosine"),
            ("epochs", "steps"),
        ):
            if (getattr(self, one) is None) == (getattr(self, other) is None):
                faults.append(Fault(one, f"give either {one} or {other}"))
        if self.epochs is not None and self.few_shot is None:
            faults.append(Fault("epochs", "only few_shot has epochs; give steps"))
        elif self.milestones and self.few_shot is None:
            faults.append(Fault("milestones", "only few_shot has epochs; give cosine"))
        for name in ("epochs", "steps"):
            if getattr(self, name) is not None:
                faults += _least(self, 1, name)
        if self.model != "capeformer":
            for name, given in (
                ("start.matcher", self.start.matcher),
                ("objective.matching_weight", self.objective.matching_weight),
            ):
                if given:
                    faults.append(Fault(name, f"is of capeformer, not of {self.model}"))
        if self.optimiser.early_layers_from and self.network.backbone == "mobilenet_v2":
            faults.append(Fault("optimiser.early_layers_from", "is there for ResNets only"))
        if self.averaged is not None and not 0 <= self.averaged < 1:
            faults.append(Fault("averaged", f"{self.averaged} must lie in [0, 1)"))
        _refuse(faults)


def _least(config: object, least: int, *names: str) -> Iterator[Fault]:
    """A fault for each field that is below its least value."""
    for name in names:
        value = getattr(config, name)
        if not value >= least:
            yield Fault(name, f"{value} must be at least {least}")


def _refuse(faults: list[Fault] | Iterator[Fault]) -> None:
    if listed := list(faults):
        raise InvalidInput(listed)
