"""The folder of a training run, and the state from which it resumes after a kill.

config.yaml             what the run is, whole
checkpoint.safetensors  network, optimiser and moving average, float32, and the step they are of
log.csv                 a row for each step
validation.csv          a row for each validation
start.safetensors       the network before the first step
weights.safetensors     what the run is for: the (averaged) network, as `--weights` takes it
curves.png              both as a picture
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
import yaml
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from cape_ros.core.errors import CheckpointError, TrainingError
from cape_ros.lab.baselines.interface import AnyNetwork
from cape_ros.lab.training.config import TrainingConfig
from cape_ros.lab.training.config_file import decode, differences, to_mapping, without_places
from cape_ros.lab.training.start import refuse_other_architecture
from cape_ros.model import checkpoints

FORMAT = "cape_ros training/1"


@dataclass
class State:
    """All of a run that a step changes.

    steps: how many are done. seconds: what they took. scaler: of float16's gradients.
    """

    net: AnyNetwork
    optimiser: Optimizer
    averaged: AveragedModel | None
    scaler: torch.amp.GradScaler
    steps: int = 0
    seconds: float = 0.0

    @property
    def shipped(self) -> AnyNetwork:
        """The network that the run is for."""
        shipped = self.averaged.module if self.averaged and self.steps else self.net
        return cast("AnyNetwork", shipped)


class RunFolder:
    def __init__(self, path: Path):
        self.path = path
        self.config, self.log, self.curves = (
            path / name for name in ("config.yaml", "log.csv", "curves.png")
        )
        self.checkpoint, self.start, self.weights = (
            path / f"{name}.safetensors" for name in ("checkpoint", "start", "weights")
        )

    def begin(self, config: TrainingConfig) -> None:
        """Raises `TrainingError` for a folder that holds a run already or cannot be written."""
        if self.checkpoint.exists():
            raise TrainingError(
                f"{self.path} holds a run; go on with --resume {self.path}, or choose another --out"
            )
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            text = yaml.safe_dump(to_mapping(config), sort_keys=False)
            self.config.write_text(text, encoding="utf-8")
            self._remove_leftovers()
        except OSError as error:
            raise TrainingError(f"{self.path}: cannot be written: {error.strerror}") from error

    def _remove_leftovers(self) -> None:
        """Of a kill in the middle of a save."""
        checkpoints.remove_leftovers(self.path)
        for left in self.path.glob(".*.csv.*"):
            left.unlink(missing_ok=True)

    def save(self, state: State, config: TrainingConfig, processes: int) -> None:
        """The checkpoint, then the weights. Raises `CheckpointError`, also for parameters that are
        not finite; the last checkpoint stays."""
        tensors = _tensors(state)
        self._check_finite(tensors, state.steps)
        facts = {
            "steps": state.steps,
            "seconds": state.seconds,
            "processes": processes,
            "config": without_places(config),
            "averagings": int(state.averaged.n_averaged) if state.averaged else 0,
            "scaler": state.scaler.state_dict(),
        }
        header = {"format": FORMAT, "facts": json.dumps(facts)}
        checkpoints.write(self.checkpoint, tensors, header)
        self.save_weights(state, config)

    def _check_finite(self, tensors: Mapping[str, Tensor], steps: int) -> None:
        """Raises `CheckpointError`; the weights are stored in float16, whose range is smaller."""
        for name, tensor in tensors.items():
            stored = tensor if name.startswith("optimiser.") else tensor.to(torch.float16)
            if tensor.is_floating_point() and not stored.isfinite().all():
                raise CheckpointError(
                    f"{self.path}: not saved after step {steps}: {name} is not finite in the "
                    f"precision that it is stored in; --resume {self.path} goes on from the last "
                    "checkpoint, --set optimiser.… lowers the rates of a new run"
                )

    def save_weights(self, state: State, config: TrainingConfig) -> None:
        """Once a step was taken. Raises `CheckpointError`."""
        if state.steps:
            checkpoints.save(self.weights, state.shipped, _facts(state, config))

    def load(self, state: State, config: TrainingConfig) -> dict[str, Any]:
        """Put the checkpoint into `state`; returns its facts.

        Raises `CheckpointError` if it is damaged, of another architecture or of another run than
        `config`, naming the fields.
        """
        self._remove_leftovers()
        tensors, facts = read_state(self.checkpoint)
        refuse_other_architecture(config, facts["config"]["network"], self.checkpoint)
        begun = decode(TrainingConfig, facts["config"])  # may be from before a field was there
        if faults := differences(config, without_places(begun)):
            raise CheckpointError(
                f"{self.path}: a run goes on as it began: {'; '.join(map(str, faults))}"
            )
        try:
            state.net.load_state_dict(_part(tensors, "net."))
            if state.averaged:
                state.averaged.module.load_state_dict(_part(tensors, "averaged."))
                state.averaged.n_averaged.fill_(facts["averagings"])
        except RuntimeError as error:
            raise CheckpointError(f"{self.checkpoint}: {error}") from error
        for name, parameter in state.net.named_parameters():
            if part := _part(tensors, f"optimiser.{name}/"):
                state.optimiser.state[parameter] = {
                    key: value.to(parameter.device) for key, value in part.items()
                }
        state.scaler.load_state_dict(facts["scaler"])
        state.steps, state.seconds = facts["steps"], facts["seconds"]
        return facts


def read_state(path: Path, form: str = FORMAT) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and facts of a file of this form. Raises `CheckpointError`."""
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file")
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            if header.get("format") != form:
                raise CheckpointError(f"{path}: not of the form {form!r}")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return tensors, json.loads(header["facts"])
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise CheckpointError(f"{path}: damaged or cut short ({error})") from error


def _tensors(state: State) -> dict[str, Tensor]:
    parts: dict[str, nn.Module] = {"net": state.net}
    if state.averaged:
        parts["averaged"] = state.averaged.module
    tensors = {
        f"{part}.{name}": tensor
        for part, module in parts.items()
        for name, tensor in module.state_dict().items()
    }
    for name, parameter in state.net.named_parameters():
        for key, tensor in state.optimiser.state.get(parameter, {}).items():
            tensors[f"optimiser.{name}/{key}"] = tensor
    return {name: tensor.detach().cpu() for name, tensor in tensors.items()}


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _facts(state: State, config: TrainingConfig) -> dict[str, Any]:
    return {
        "name": config.name,
        "steps": state.steps,
        "hours": round(state.seconds / 3600, 2),
        "threads": torch.get_num_threads(),
        "held_out": list(config.data.held_out),
        "config": without_places(config),
    }
