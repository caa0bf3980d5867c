"""Rendered objects of an episode: one mesh from several sides, or objects of one group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.random import Generator

from cape_ros.core.errors import InvalidInput
from cape_ros.lab.datasets.mp100 import Dataset, Instance
from cape_ros.lab.datasets.rendered.cache import RenderedCache

Rendering = Literal["rendered", "rendered group"]
RENDERINGS: tuple[Rendering, ...] = get_args(Rendering)


@dataclass(frozen=True)
class Rendered:
    """What an episode shows. mesh: None if it shows several. group: empty if the mesh has none."""

    mesh: str | None
    group: str

    def differs(self, other: Rendered) -> bool:
        """Whether it is certain that the one shows nothing of the other."""
        if self.group or other.group:
            return self.group != other.group
        return self.mesh != other.mesh


class RenderedObjects:
    """The training part of a cache of views, by mesh and, if grouped, by group.

    Raises `InvalidInput` for a cache of another kind, or with nothing that has so many views.
    """

    def __init__(self, cache: RenderedCache, views: int, grouped: bool = True):
        if cache.kind != "views":
            raise InvalidInput.of("data.rendered", f"{cache.folder} holds {cache.kind}, not views")
        self._views = views
        self._group = {one["id"]: str(one["group"] or "") for one in cache.meshes()}
        self._of: dict[Rendering, dict[str, list[Instance]]] = {
            "rendered": _drawable(cache.dataset(held_out=False), views)
        }
        if grouped:
            groups = cache.dataset(held_out=False, by="group")
            self._of["rendered group"] = _drawable(groups, views)
        for kind, objects in self._of.items():
            if not objects:
                what = "mesh" if kind == "rendered" else "group of two meshes"
                reason = f"no {what} of {cache.folder} has the {views} views that an episode shows"
                raise InvalidInput.of("data.rendered", reason)

    def draw(self, kind: Rendering, generator: Generator) -> tuple[Rendered, list[Instance]]:
        """The subject of an episode and its views; each but the first shows something of the
        first, the more the likelier."""
        objects = self._of[kind]
        name = list(objects)[int(generator.integers(len(objects)))]
        mesh, group = (name, self._group[name]) if kind == "rendered" else (None, name)
        seen = objects[name]
        first = int(generator.integers(len(seen)))
        common = np.array([(one.visible & seen[first].visible).sum() for one in seen], float)
        common[first] = 0
        chance = common + 1e-3  # where too few have anything in common
        chance[first] = 0
        more = generator.choice(len(seen), self._views - 1, replace=False, p=chance / chance.sum())
        return Rendered(mesh, group), [seen[first], *(seen[int(at)] for at in more)]


def _drawable(dataset: Dataset, views: int) -> dict[str, list[Instance]]:
    """The instances of each category that has as many as an episode shows."""
    by_name: dict[str, list[Instance]] = {name: [] for name in dataset.categories.values()}
    for one in dataset.instances:
        by_name[dataset.categories[one.category]].append(one)
    return {name: some for name, some in by_name.items() if len(some) >= views}
