"""The training loop, with checkpoints; a signal or a loss that is not finite ends it."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from cape_ros.core.errors import CapeError, TrainingError
from cape_ros.lab.baselines.interface import AnyNetwork
from cape_ros.lab.baselines.models import MODELS
from cape_ros.lab.training.batches import Material
from cape_ros.lab.training.config import TrainingConfig
from cape_ros.lab.training.distributed import StopSignal, Team
from cape_ros.lab.training.log import RunLog
from cape_ros.lab.training.objective import AnyStep, Objective, Terms
from cape_ros.lab.training.optimizer import early_layers, optimiser_of, rate_at, set_mode
from cape_ros.lab.training.replay import save_step
from cape_ros.lab.training.run_folder import RunFolder, State
from cape_ros.lab.training.start import build
from cape_ros.lab.training.validation import Validation
from cape_ros.model import checkpoints
from cape_ros.perception.inference.device import find_precision


def train(
    config: TrainingConfig,
    folder: Path,
    team: Team,
    device: torch.device,
    resume: bool = False,
    tensorboard: bool = False,
) -> int:
    """A run from its start, or from where it stopped, to its end.

    Returns 0, or the number of the signal that stopped it; it is saved then. Raises `CapeError`s
    for what a person can put right; the last checkpoint stays.
    """
    run = RunFolder(folder)
    material = Material.of(config, team)
    net = MODELS[config.model](config.network) if resume else build(config, material)
    trainer = Trainer(config, material, net, team, device)
    checks = config.validation
    validation = Validation(config, checks) if checks else None
    state = trainer.state
    processes = team.size
    if resume:
        processes = run.load(state, config)["processes"]
        if team.leads:  # who was killed may have left older ones beside the checkpoint
            run.save_weights(state, config)
    elif team.leads:
        run.begin(config)
        checkpoints.save(run.start, state.net, {"name": "start"})
        run.save(state, config, team.size)
    team.wait()  # until all processes have loaded the same parameters
    log = run.log if team.leads else None
    with RunLog(log, state.steps, material.steps, tensorboard) as run_log, StopSignal() as stop:
        if processes != team.size:
            run_log.say(f"begun by {processes} processes, now {team.size}: they draw other steps")
        for step in material.from_step(state.steps, config.workers, device):
            number = state.steps
            try:
                row = trainer.step(step)
            except NotFinite as error:
                raise _kept(error, run, trainer, step) from error
            run_log.write(number, state.seconds, row)
            stopped = int(team.total(torch.tensor(stop.number, device=device)))
            last = state.steps == material.steps
            if checks and validation and team.leads and (last or state.steps % checks.every == 0):
                try:
                    run_log.write_validation(number, trainer.validate(validation))
                except CapeError:
                    run.save(state, config, team.size)
                    raise
            if team.leads and (stopped or last or state.steps % config.checkpoint_every == 0):
                run.save(state, config, team.size)
            if stopped and not last:
                return stop.number or signal.SIGTERM
    return 0


class NotFinite(CapeError):
    """terms: names of those of the loss that are not finite, or "gradient"; here: whether this
    process found them, not another one."""

    def __init__(self, terms: list[str], here: bool):
        super().__init__(f"not finite: {', '.join(terms)}")
        self.terms, self.here = terms, here


class Trainer:
    """A network that learns from one step after the other."""

    def __init__(
        self,
        config: TrainingConfig,
        material: Material,
        net: AnyNetwork,
        team: Team,
        device: torch.device,
    ):
        self._config, self._material, self._team, self._device = config, material, team, device
        self._objective = Objective(
            net.to(device),
            config.objective,
            find_precision(config.precision, device),
            team.total,
            team.size,
        )
        memory = config.averaged
        self.state = State(
            net,
            optimiser_of(net, config.optimiser),
            None
            if memory is None
            else AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(memory)),
            torch.amp.GradScaler(device.type, enabled=config.precision == "float16"),
        )
        self._early = early_layers(net)
        self._early_learn: bool | None = None
        self._forward: nn.Module = self._objective
        set_mode(net, config)

    def step(self, step: AnyStep) -> dict[str, float]:
        """Learn from a step that is on the device; returns what the log says of it. Raises
        `NotFinite`, with the parameters as they were."""
        began, state, number = time.monotonic(), self.state, self.state.steps
        self._wake(number)
        rate = self._set_rate(number)
        torch.manual_seed(self.seed(number))
        with deterministic(self._device):
            terms = self._forward(step)
            state.optimiser.zero_grad(set_to_none=True)
            state.scaler.scale(terms["loss"]).backward()
        values = self._mean(terms)  # waits for the GPU once all of its work is queued
        state.scaler.unscale_(state.optimiser)
        most = self._config.optimiser.largest_gradient or float("inf")
        gradient = float(nn.utils.clip_grad_norm_(state.net.parameters(), most))
        if not (np.isfinite(gradient) or state.scaler.is_enabled()):  # a scaler leaves such out
            raise NotFinite(["gradient"], here=self._team.leads)
        state.scaler.step(state.optimiser)
        state.scaler.update()
        if state.averaged:
            state.averaged.update_parameters(state.net)
        state.steps += 1
        state.seconds += time.monotonic() - began
        return {"rate": rate, "gradient": gradient, **values}

    def validate(self, validation: Validation) -> dict[str, float]:
        """Figures of the network that ships; the training goes on as if nothing had been."""
        with deterministic(self._device):
            metrics = validation.evaluate(self.state.shipped, self._device)
        set_mode(self.state.net, self._config)
        return validation.mean(metrics)

    def seed(self, number: int) -> int:
        """The seed of a step's dropout in this process."""
        parts = (self._config.seed, number, self._team.rank)
        return int(np.random.SeedSequence(parts).generate_state(1)[0])

    def _wake(self, number: int) -> None:
        """Let the early layers learn from their step on; processes must agree on what is learned
        before they share gradients."""
        learn = number >= self._config.optimiser.early_layers_from * self._material.steps
        if learn == self._early_learn:
            return
        for parameter in self._early:
            parameter.requires_grad_(learn)
        self._early_learn = learn
        if self._team.size > 1:
            self._forward = DistributedDataParallel(self._objective)

    def _set_rate(self, number: int) -> float:
        schedule = self._config.cosine or self._config.milestones
        assert schedule
        rate = rate_at(number, schedule, self._material.steps, self._material.epoch)
        for group in self.state.optimiser.param_groups:
            group["lr"] = group["highest"] * rate
        return rate

    def _mean(self, terms: Terms) -> dict[str, float]:
        """The terms over all processes. Raises `NotFinite` in all of them together."""
        own: Tensor = torch.stack([term.detach().float() for term in terms.values()])
        mean = self._team.mean(own).tolist()
        if not np.isfinite(mean).all():
            bad = ~np.isfinite(mean)
            names = [name for name, at in zip(terms, bad, strict=True) if at]
            raise NotFinite(names, here=not bool(torch.isfinite(own).all()))
        return dict(zip(terms, mean, strict=True))


@contextmanager
def deterministic(device: torch.device) -> Iterator[None]:
    """The same sums in the same order every time, on the CPU, so that a run can be repeated to the
    last digit."""
    before: Any = torch.are_deterministic_algorithms_enabled()
    filling = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    if device.type == "cpu":
        torch.use_deterministic_algorithms(True)
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
        torch.utils.deterministic.fill_uninitialized_memory = filling  # type: ignore[attr-defined]


def _kept(error: NotFinite, run: RunFolder, trainer: Trainer, step: AnyStep) -> TrainingError:
    """The error to raise, once the step is saved for a replay."""
    number = trainer.state.steps
    what = f"step {number}: {', '.join(error.terms)} not finite"
    if not error.here:
        return TrainingError(f"{what}; another process has kept the step")
    path = run.path / f"step_{number}.safetensors"
    config = trainer._config
    save_step(path, trainer.state.net, step, number, trainer.seed(number), config)
    return TrainingError(
        f"{what}; look at it with `cape lab train --replay {path}`. The checkpoint of the last "
        f"good steps is kept; --resume {run.path} goes on from it"
    )
