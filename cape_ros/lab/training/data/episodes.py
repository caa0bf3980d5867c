"""Episodes: several views of one object, each of them support and query of the others."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from cape_ros.core.errors import Fault, InvalidInput
from cape_ros.lab.datasets.mp100 import Dataset, Instance
from cape_ros.lab.datasets.views import Batch, View, collate
from cape_ros.lab.training.data.augment import view_of_instance
from cape_ros.lab.training.data.bodies import Body, body
from cape_ros.lab.training.data.procedural import views_of_body
from cape_ros.lab.training.data.rendered import (
    Rendered,
    RenderedObjects,
    Rendering,
)
from cape_ros.lab.training.data.sketches import Sketch, Sketches
from cape_ros.lab.training.data.warps import Warp, views_of_photograph
from cape_ros.model import CapeFormerConfig

logger = logging.getLogger(__name__)

Kind = Literal["annotated", Warp, "procedural", Rendering]
KINDS: tuple[Kind, ...] = get_args(Kind)
Thing = int | Path | Body | Rendered | None
"""The subject of an episode: a category by its id, a photograph, a procedural category, rendered
meshes, or (None) an annotated image warped."""
BODIES = 2**31  # so many procedural categories are drawn from


@dataclass(frozen=True)
class EpisodeConfig:
    """The data of one training step."""

    episodes: int = 6  # per step
    views: int = 3  # per episode; all ordered pairs of them are trained
    keypoints: int = 14  # at most; more are drawn from, in another order every time
    warped: float = 0.3  # part of the episodes that show one photograph from several sides
    affine: float = 0.0  # part of the warped ones where parallels stay parallel
    thin_plate: float = 0.0  # part of the warped ones that bend; all others are homographies
    procedural: float = 0.0  # part of the episodes that show a category made up on the spot
    rendered: float = 0.0  # part of the episodes that show a mesh from several sides
    grouped: float = 0.0  # part of the rendered ones that show meshes of one group instead
    strangers: int = 9  # pairs per step whose query shows something else than the support
    balance: float = 0.35  # a category is drawn in proportion to its size to this power
    drawn_by: Literal["workers", "device"] = "workers"  # who warps, recolours and masks the views

    def __post_init__(self) -> None:
        faults = [
            Fault(name, f"{getattr(self, name)} must be at least {least}")
            for name, least in (("episodes", 1), ("views", 2), ("keypoints", 1), ("strangers", 0))
            if getattr(self, name) < least
        ]
        for names in (
            ("warped", "procedural", "rendered"),
            ("affine", "thin_plate"),
            ("grouped",),
        ):
            parts = tuple(getattr(self, name) for name in names)
            if min(parts) < 0 or sum(parts) > 1:
                reason = f"must be from 0 to 1 and not above 1 together, are {parts}"
                faults.append(Fault(", ".join(names), reason))
        if faults:
            raise InvalidInput(faults)

    def kind_at(self, place: float) -> Kind:
        """The kind of episode at a place in [0, 1) of all shares laid side by side."""
        if place < self.warped:
            within = place / self.warped
            if within < self.affine:
                return "affine"
            return "thin plate" if within < self.affine + self.thin_plate else "homography"
        place -= self.warped
        if place < self.procedural:
            return "procedural"
        place -= self.procedural
        if place < self.rendered:
            return "rendered group" if place < self.rendered * self.grouped else "rendered"
        return "annotated"


@dataclass(frozen=True)
class Step:
    """Views of several episodes, and which of them are pairs: indices into the batch.

    support, query: [P], of the same episode. stranger, host: [N], a support, and a query that
    shows nothing of it.
    """

    batch: Batch
    support: Tensor
    query: Tensor
    stranger: Tensor
    host: Tensor


@dataclass(frozen=True)
class SketchedStep:
    """A `Step` whose views are not drawn yet."""

    batch: Sketches
    support: Tensor
    query: Tensor
    stranger: Tensor
    host: Tensor

    def draw(self) -> Step:
        """The step, where these tensors are."""
        return Step(self.batch.draw(), self.support, self.query, self.stranger, self.host)


class Episodes:
    """Draws steps from annotated and rendered objects and from photographs, as a network wants to
    see them.

    A category with fewer objects than an episode has views cannot be drawn; it is left out, with a
    word in the log. Raises `InvalidInput` if nothing is left, without photographs, and without
    rendered objects where episodes show them.
    """

    def __init__(
        self,
        dataset: Dataset,
        photographs: Sequence[Path],
        config: EpisodeConfig,
        network: CapeFormerConfig,
        rendered: RenderedObjects | None = None,
    ):
        self.config, self.network = config, network
        self._sketch = config.drawn_by == "device"
        self._dataset = dataset
        self._photographs = list(photographs)
        if not self._photographs:
            reason = "there is none: give --photographs FOLDER; they are backgrounds at least"
            raise InvalidInput.of("data.photographs", reason)
        if config.rendered and rendered is None:
            reason = "is missing, and episodes.rendered is not 0: give --rendered FOLDER"
            raise InvalidInput.of("data.rendered", reason)
        self._rendered = rendered
        self._objects = drawable(dataset, config.views)
        if not self._objects and config.warped + config.procedural + config.rendered < 1:
            reason = f"no category has the {config.views} objects that an episode shows"
            raise InvalidInput.of("dataset", reason)
        chance = np.array([len(some) for some in self._objects.values()], float) ** config.balance
        self._chance = chance / chance.sum()

    def draw(self, seed: Sequence[int]) -> Step:
        """The step of this seed."""
        step = self.prepare(seed)
        return step.draw() if isinstance(step, SketchedStep) else step

    def prepare(self, seed: Sequence[int]) -> Step | SketchedStep:
        """The part of it that workers do."""
        generator = np.random.default_rng(seed)
        episodes = [self._episode(generator) for _ in range(self.config.episodes)]
        views = [view for _, episode in episodes for view in episode]
        pairs = np.array(list(permutations(range(self.config.views), 2)))
        pairs = np.concatenate([pairs + n * self.config.views for n in range(len(episodes))])
        support, query = torch.from_numpy(pairs).T
        of_view = [thing for thing, episode in episodes for _ in episode]
        strange = [
            pair
            for pair in permutations(range(len(views)), 2)
            if _differ(*(of_view[i] for i in pair))
        ]
        drawn = generator.permutation(len(strange))[: self.config.strangers]
        chosen = np.array([strange[at] for at in drawn], np.int64).reshape(-1, 2)
        stranger, host = torch.from_numpy(chosen).T
        if sketches := [view for view in views if isinstance(view, Sketch)]:
            drawing = Sketches.of(sketches, int(generator.integers(2**31)), self.network)
            return SketchedStep(drawing, support, query, stranger, host)
        return Step(collate(views, self.network), support, query, stranger, host)

    def _episode(self, generator: Generator) -> tuple[Thing, list[View]]:
        return self.episode(self.config.kind_at(generator.random()), generator)

    def episode(self, kind: Kind, generator: Generator) -> tuple[Thing, list[View]]:
        """An episode of a kind, and what it shows."""
        if kind == "annotated":
            category = int(generator.choice(list(self._objects), p=self._chance))
            return category, self.annotated(category, generator)
        if kind == "procedural":
            shown = body(int(generator.integers(BODIES)), self._photographs)
            views = views_of_body(
                shown,
                generator,
                self.config.views,
                self._photographs,
                self.network.image_size,
                self._sketch,
            )
            return shown, self._some_keypoints(views, generator)
        if kind == "rendered" or kind == "rendered group":
            return self.rendered(kind, generator)
        return self.warped(kind, generator)

    def warped(self, warp: Warp, generator: Generator) -> tuple[Thing, list[View]]:
        """One photograph, annotated or not, from several sides."""
        thing: Thing = None
        if generator.random() < 0.75 or not self._dataset.instances:
            thing = path = self._photographs[int(generator.integers(len(self._photographs)))]
        else:  # shows an object of some category: a stranger to photographs only
            instances = self._dataset.instances
            path = instances[int(generator.integers(len(instances)))].image
        count = self.config.keypoints
        views, size = self.config.views, self.network.image_size
        return thing, views_of_photograph(path, generator, views, count, size, warp, self._sketch)

    def annotated(self, category: int, generator: Generator) -> list[View]:
        """Objects of a category, by its id."""
        drawn = generator.choice(self._objects[category], self.config.views, replace=False)
        return self._views_of([self._dataset.instances[at] for at in drawn], generator)

    def rendered(self, kind: Rendering, generator: Generator) -> tuple[Rendered, list[View]]:
        """A mesh, or meshes of a group, from several sides."""
        assert self._rendered
        thing, objects = self._rendered.draw(kind, generator)
        return thing, self._views_of(objects, generator, hidden_known=True)

    def _views_of(
        self, objects: Sequence[Instance], generator: Generator, hidden_known: bool = False
    ) -> list[View]:
        """Objects with the same keypoints, all flipped or none."""
        flip = bool(generator.random() < 0.5)
        size, backgrounds = self.network.image_size, self._photographs
        views = [
            view_of_instance(one, generator, flip, backgrounds, size, self._sketch, hidden_known)
            for one in objects
        ]
        return self._some_keypoints(views, generator)

    def _some_keypoints(self, views: list[View], generator: Generator) -> list[View]:
        """The same few keypoints of every view, in the same random order."""
        known = np.flatnonzero(np.any([view.visible for view in views], axis=0))
        most = min(len(known), self.config.keypoints)
        count = int(generator.integers(min(2, most), most + 1))
        chosen = generator.permutation(known)[:count]
        return [replace(v, points=v.points[chosen], visible=v.visible[chosen]) for v in views]


def drawable(dataset: Dataset, objects: int) -> dict[int, list[int]]:
    """Indices of the instances of each category, by its id, that has at least so many; the log
    names the others."""
    by_category = {key: dataset.of_category(key) for key in dataset.categories}
    few = [key for key, some in by_category.items() if len(some) < objects]
    if few:
        names = ", ".join(f"{dataset.categories[key]} ({len(by_category[key])})" for key in few)
        logger.warning("not drawn, fewer than %d objects: %s", objects, names)
    return {key: some for key, some in by_category.items() if key not in few}


def _differ(one: Thing, other: Thing) -> bool:
    """Whether it is certain that the one shows nothing of the other."""
    if isinstance(one, Rendered) and isinstance(other, Rendered):
        return one.differs(other)
    if isinstance(one, Rendered) or isinstance(other, Rendered):  # a category may be a group, too
        return isinstance(one, Path | Body) or isinstance(other, Path | Body)
    if one is None or other is None:
        return isinstance(one, Path | Body) or isinstance(other, Path | Body)
    return one != other
