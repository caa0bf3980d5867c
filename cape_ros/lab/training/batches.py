"""Data of the training steps, and the share of each step that a process computes.

A step is drawn by its number alone, so a run that goes on needs no state of a sampler.
"""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar, cast

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, get_worker_info

from cape_ros.core.errors import CapeError, InvalidInput, TrainingError
from cape_ros.lab.datasets.mp100 import Dataset as Annotated
from cape_ros.lab.datasets.mp100 import read
from cape_ros.lab.datasets.rendered.cache import RenderedCache
from cape_ros.lab.datasets.views import images_in
from cape_ros.lab.training.config import DataConfig, FewShotConfig, TrainingConfig
from cape_ros.lab.training.data.episodes import EpisodeConfig, Episodes, SketchedStep
from cape_ros.lab.training.data.few_shot import FewShotSteps
from cape_ros.lab.training.data.rendered import RenderedObjects
from cape_ros.lab.training.distributed import Team, quiet
from cape_ros.lab.training.objective import AnyStep

T = TypeVar("T")
CPU = torch.device("cpu")
PREFETCHED = 6  # steps that wait for the network, for each worker


@dataclass(frozen=True)
class Material:
    """source: what steps are drawn from. steps: how many the run has. epoch: steps of one, 0 if
    there are none."""

    source: Episodes | FewShotSteps
    steps: int
    epoch: int
    seed: int
    team: Team

    @classmethod
    def of(cls, config: TrainingConfig, team: Team) -> Material:
        """Raises `InvalidInput` for data that is not there or cannot be shared by the processes."""
        objects = annotated(config.data)
        if config.few_shot:
            return cls._few_shot(config, config.few_shot, objects, team)
        assert config.episodes
        assert config.steps
        if config.data.photographs is None:
            raise InvalidInput.of(
                "data.photographs", "is missing; give it in the file or as --photographs FOLDER"
            )
        photographs = list(images_in(config.data.photographs))
        part = share_of_episodes(config.episodes, team)
        rendered = None
        if part.rendered and config.data.rendered:
            cache = RenderedCache(config.data.rendered)
            rendered = RenderedObjects(cache, part.views, grouped=part.grouped > 0)
        episodes = Episodes(objects, photographs, part, config.network, rendered)
        return cls(episodes, config.steps, 0, config.seed, team)

    @classmethod
    def _few_shot(
        cls, config: TrainingConfig, few_shot: FewShotConfig, objects: Annotated, team: Team
    ) -> Material:
        counts = [len(objects.of_category(key)) for key in objects.categories]
        counts = [count for count in counts if count > few_shot.shots]
        epoch = math.ceil(len(counts) * max(counts, default=0) / few_shot.batch)
        steps = config.steps or epoch * (config.epochs or 0)
        if few_shot.batch % team.size:
            raise InvalidInput.of("few_shot.batch", _uneven(few_shot.batch, team))
        part = few_shot.batch // team.size
        source = FewShotSteps(
            objects, config.network, steps * team.size, few_shot.shots, part, config.seed
        )
        return cls(source, steps, epoch, config.seed, team)

    def draw(self, number: int) -> AnyStep:
        """This process's part of a step."""
        return _on(CPU, self.prepare(number))

    def prepare(self, number: int) -> AnyStep | SketchedStep:
        """The part of `draw` that workers do."""
        own = number * self.team.size + self.team.rank
        if isinstance(self.source, Episodes):
            return self.source.prepare((self.seed, own))
        return self.source[own]

    def from_step(self, first: int, workers: int, device: torch.device = CPU) -> Iterator[AnyStep]:
        """The steps from `first` on, on a device, prepared ahead by worker processes.

        Raises what drawing a step raises, and `TrainingError` for a worker that was killed.
        """
        loader = DataLoader(
            _Numbered(self, first),
            batch_size=None,
            num_workers=workers,
            prefetch_factor=PREFETCHED if workers else None,
            worker_init_fn=quiet,
        )
        for step in _from_workers(loader) if workers else loader:
            if isinstance(step, CapeError):
                raise step
            if isinstance(step, _Crash):
                raise RuntimeError(f"a step could not be prepared:\n{step.trace}")
            yield _on(device, step)


def _from_workers(loader: Iterable[_Prepared]) -> Iterator[_Prepared]:
    """The loader's steps. Steps carry their errors, so what the loader raises is a lost process."""
    try:
        yield from loader
    except RuntimeError as error:
        reason = "a process that prepares steps was killed; is the memory too small for them?"
        raise TrainingError(
            f"{reason} Go on from the last checkpoint with fewer workers ({error})"
        ) from error


@dataclass(frozen=True)
class _Crash:
    """An error that is not the project's, in another process. trace: its traceback."""

    trace: str


_Prepared = AnyStep | SketchedStep | CapeError | _Crash


class _Numbered(Dataset[_Prepared]):
    """Errors travel as values: a loader would make new ones of another kind of their text."""

    def __init__(self, material: Material, first: int):
        self._material, self._first = material, first

    def __len__(self) -> int:
        return max(0, self._material.steps - self._first)

    def __getitem__(self, index: int) -> _Prepared:
        if index >= len(self):
            raise IndexError(index)
        try:
            step = self._material.prepare(self._first + index)
            return step if get_worker_info() is None else _shared(step)
        except CapeError as error:
            return error
        except Exception:
            if get_worker_info() is None:
                raise
            return _Crash(traceback.format_exc())


def share_of_episodes(config: EpisodeConfig, team: Team) -> EpisodeConfig:
    """A process's part of the episodes, as many as every other's, and of the strangers."""
    if config.episodes % team.size:
        raise InvalidInput.of("episodes.episodes", _uneven(config.episodes, team))
    more = team.rank < config.strangers % team.size
    return replace(
        config,
        episodes=config.episodes // team.size,
        strangers=config.strangers // team.size + more,
    )


def all_annotated(config: DataConfig, annotations: str | None = None) -> Annotated:
    """The objects of the annotations, or of another file. Raises `InvalidInput` if no folder was
    given."""
    if config.root is None:
        raise InvalidInput.of("data.root", "is missing; give it in the file or as --data FOLDER")
    path = config.root / (annotations or config.annotations)
    return read(path, config.root / config.images, config.allow_missing)


def annotated(config: DataConfig) -> Annotated:
    """The annotated objects without the held-out categories.

    Raises `InvalidInput` if no folder was given, or a held-out category is not there.
    """
    everything = all_annotated(config)
    names = list(everything.categories.values())
    for name in config.held_out:
        if name not in names:
            raise InvalidInput.of("data.held_out", f"{name!r} is not one of {', '.join(names)}")
    return everything.only(name for name in names if name not in config.held_out)


def held_out(config: DataConfig, annotations: str | None) -> Annotated:
    """Objects to measure on: those of another file, or of the held-out categories.

    Raises `InvalidInput` if there are none.
    """
    if annotations is None and not config.held_out:
        reason = "is empty, so there is nothing to measure on; name categories, or give annotations"
        raise InvalidInput.of("data.held_out", reason)
    dataset = all_annotated(config, annotations)
    if not dataset.categories:
        raise InvalidInput.of(str(annotations), "has no annotated object")
    return dataset if annotations else dataset.only(config.held_out)


def map_tensors(value: T, change: Callable[[Tensor], Tensor]) -> T:
    """A step with every tensor in it changed."""
    changed: Any = value
    if isinstance(value, Tensor):
        changed = change(value)
    elif isinstance(value, tuple):
        changed = tuple(map_tensors(one, change) for one in value)
    elif is_dataclass(value) and not isinstance(value, type):
        named = {f.name: map_tensors(getattr(value, f.name), change) for f in fields(value)}
        changed = replace(value, **named)
    return cast("T", changed)


def _shared(step: T) -> T:
    """A step in the memory that it is handed over in. Were there no room later, on the loader's own
    thread, the step would be lost and waited for without end.

    Raises `TrainingError`.
    """
    try:
        return map_tensors(step, Tensor.share_memory_)
    except RuntimeError as error:
        reason = "there is no room for steps in shared memory (/dev/shm); take fewer workers, or "
        raise TrainingError(
            f"{reason}start a container with a larger --shm-size: {error}"
        ) from None


def _on(device: torch.device, step: AnyStep | SketchedStep) -> AnyStep:
    moved = map_tensors(step, lambda tensor: tensor.to(device))
    return moved.draw() if isinstance(moved, SketchedStep) else moved


def _uneven(count: int, team: Team) -> str:
    return f"{count} cannot be shared evenly by {team.size} processes"
