"""A training step whose loss or gradient was not finite: saved with its network, and replayed.

The file holds what the step computed from: the parameters before it, its images, points, heatmaps
and masks, and the seed of its dropout.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cape_ros.lab.baselines.interface import AnyNetwork
from cape_ros.lab.baselines.models import MODELS
from cape_ros.lab.datasets.views import Batch
from cape_ros.lab.training.batches import map_tensors
from cape_ros.lab.training.config import TrainingConfig
from cape_ros.lab.training.config_file import decode, without_places
from cape_ros.lab.training.data.episodes import Step
from cape_ros.lab.training.data.few_shot import FewShotStep
from cape_ros.lab.training.objective import AnyStep, Objective
from cape_ros.lab.training.optimizer import set_mode
from cape_ros.lab.training.run_folder import read_state
from cape_ros.model import checkpoints
from cape_ros.perception.inference.device import find_precision

FORMAT = "cape_ros step/1"


@dataclass(frozen=True)
class Replay:
    """terms: of the loss. parameters, inputs: names of those that are not finite. first: the first
    module whose output is not finite although its inputs are, "" if there is none. gradients: names
    of parameters whose gradient is not finite."""

    step: int
    terms: dict[str, float]
    parameters: list[str]
    inputs: list[str]
    first: str
    gradients: list[str]

    def lines(self) -> Iterator[str]:
        """The result in lines of text."""
        yield f"step {self.step}: " + ", ".join(f"{k} {v:.6g}" for k, v in self.terms.items())
        yield f"inputs that are not finite: {_few(self.inputs)}"
        yield f"parameters that are not finite: {_few(self.parameters)}"
        yield f"first output that is not finite: {self.first or 'none'}"
        yield f"gradients that are not finite: {_few(self.gradients)}"


def save_step(
    path: Path, net: AnyNetwork, step: AnyStep, number: int, seed: int, config: TrainingConfig
) -> None:
    """Raises `CheckpointError` if the file cannot be written."""
    tensors = {f"net.{name}": tensor for name, tensor in net.state_dict().items()}
    tensors |= dict(_tensors(step, "step"))
    facts = {
        "number": number,
        "seed": seed,
        "shots": len(step.shots) if isinstance(step, FewShotStep) else 0,
        "config": without_places(config),
    }
    header = {"format": FORMAT, "facts": json.dumps(facts)}
    apart = {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}
    checkpoints.write(path, apart, header)


def replay(path: Path, device: torch.device) -> Replay:
    """Compute a kept step again. Raises `CheckpointError` if the file is none."""
    tensors, facts = read_state(path, FORMAT)
    config = decode(TrainingConfig, facts["config"])
    net = MODELS[config.model](config.network)
    net.load_state_dict(
        {k.removeprefix("net."): v for k, v in tensors.items() if k.startswith("net.")}
    )
    bad = [name for name, tensor in tensors.items() if not _finite(tensor)]
    set_mode(net, config)
    step = map_tensors(_step(tensors, facts["shots"]), lambda tensor: tensor.to(device))
    objective = Objective(
        net.to(device), config.objective, find_precision(config.precision, device)
    )
    culprits: list[str] = []
    for name, module in net.named_modules():
        module.register_forward_hook(_watch(name, culprits))
    torch.manual_seed(facts["seed"])
    terms = objective(step)
    terms["loss"].backward()
    return Replay(
        facts["number"],
        {name: float(term.detach()) for name, term in terms.items()},
        [name.removeprefix("net.") for name in bad if name.startswith("net.")],
        [name.removeprefix("step.") for name in bad if name.startswith("step.")],
        culprits[0] if culprits else "",
        [n for n, p in net.named_parameters() if p.grad is not None and not _finite(p.grad)],
    )


def _watch(name: str, culprits: list[str]) -> Any:
    def check(module: nn.Module, inputs: Any, output: Any) -> None:
        if _all_finite(inputs) and not _all_finite(output):
            culprits.append(name)

    return check


def _all_finite(value: Any) -> bool:
    return all(_finite(tensor) for _, tensor in _tensors(value, ""))


def _finite(tensor: Tensor) -> bool:
    return bool(torch.isfinite(tensor).all())


def _tensors(value: Any, place: str) -> Iterator[tuple[str, Tensor]]:
    """Every tensor of nested dataclasses and sequences, with its place."""
    if isinstance(value, Tensor):
        yield place, value
    elif isinstance(value, tuple | list):
        for at, one in enumerate(value):
            yield from _tensors(one, f"{place}.{at}")
    elif is_dataclass(value):
        for field in fields(value):
            yield from _tensors(getattr(value, field.name), f"{place}.{field.name}")


def _step(tensors: dict[str, Tensor], shots: int) -> AnyStep:
    def batch(place: str) -> Batch:
        return Batch(**{f.name: tensors[f"{place}.{f.name}"] for f in fields(Batch)})

    if shots:
        return FewShotStep(
            tuple(batch(f"step.shots.{at}") for at in range(shots)), batch("step.query")
        )
    pairs = {f.name: tensors[f"step.{f.name}"] for f in fields(Step) if f.name != "batch"}
    return Step(batch("step.batch"), **pairs)


def _few(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return (", ".join(names[:5]) or "none") + more
