"""Episodes of meshes that a cache of rendered views shows."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
from shipped_recipe import NETWORK, training_data

from cape_ros.core.errors import InvalidInput
from cape_ros.lab.datasets.rendered.cache import FACTS, RenderedCache
from cape_ros.lab.training.batches import Material
from cape_ros.lab.training.config_file import read_config
from cape_ros.lab.training.data.episodes import EpisodeConfig, Episodes
from cape_ros.lab.training.data.rendered import Rendered, RenderedObjects
from cape_ros.lab.training.distributed import Team


def test_one_mesh_is_shown_from_different_sides(objects: RenderedObjects) -> None:
    for seed in range(10):
        thing, views = objects.draw("rendered", np.random.default_rng(seed))
        assert thing.mesh in ("chair/low", "chair/broad", "wedge/wedge")
        assert len({view.image for view in views}) == 3
        assert len({view.image.parent for view in views}) == 1


def test_a_group_shows_several_meshes(objects: RenderedObjects) -> None:
    folders = set()
    for seed in range(10):
        thing, views = objects.draw("rendered group", np.random.default_rng(seed))
        assert thing == Rendered(None, "chair")
        folders |= {view.image.parent.name for view in views}
    assert folders == {"chair_low", "chair_broad"}


def test_views_show_something_of_the_first_where_they_can(objects: RenderedObjects) -> None:
    for seed in range(20):
        _, (first, *others) = objects.draw("rendered", np.random.default_rng(seed))
        assert all((first.visible & other.visible).any() for other in others)


def test_what_another_side_shows_is_hidden_at_its_true_place(
    data: Path, photographs: list[Path], objects: RenderedObjects
) -> None:
    config = EpisodeConfig(warped=0.0, rendered=1.0)
    episodes = Episodes(training_data(data), photographs, config, NETWORK, objects)
    hidden = 0
    for seed in range(10):
        _, views = episodes.episode("rendered", np.random.default_rng(seed))
        assert len({len(view.points) for view in views}) == 1
        assert np.any([view.visible for view in views], axis=0).all()
        hidden += sum(np.isfinite(view.points[~view.visible]).all(axis=1).sum() for view in views)
    assert hidden > 10


def test_strangers_are_certainly_other_objects() -> None:
    chair, other_chair, group = (
        Rendered("a", "chair"),
        Rendered("b", "chair"),
        Rendered(None, "chair"),
    )
    sofa, lone, other_lone = Rendered("c", "sofa"), Rendered("d", ""), Rendered("e", "")
    for one, other in combinations((chair, other_chair, group), 2):
        assert not one.differs(other)
    for one, other in combinations((chair, sofa, lone, other_lone), 2):
        assert one.differs(other)
        assert other.differs(one)
    assert not lone.differs(lone)


def test_a_run_reads_the_cache_that_it_names(
    small: Path, rendered: RenderedCache, tmp_path: Path
) -> None:
    settings = ["episodes.warped=0", "episodes.rendered=1", "episodes.grouped=0.5"]
    with pytest.raises(InvalidInput, match=r"data\.rendered.*--rendered"):
        Material.of(read_config(small, settings), Team())
    config = read_config(small, [*settings, f"data.rendered={json.dumps(str(rendered.folder))}"])
    step = Material.of(config, Team()).draw(0)
    assert step.batch.points.isfinite().all()
    orbits = tmp_path / "orbits"
    orbits.mkdir()
    (orbits / FACTS).write_text(json.dumps({"kind": "orbits"}))
    config = read_config(small, [*settings, f"data.rendered={json.dumps(str(orbits))}"])
    with pytest.raises(InvalidInput, match="holds orbits, not views"):
        Material.of(config, Team())


def test_a_cache_with_too_few_views_or_without_groups_is_named(
    rendered: RenderedCache, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput, match=r"no mesh of .* has the 9 views"):
        RenderedObjects(rendered, views=9)
    wedge = RenderedCache(tmp_path)
    (tmp_path / FACTS).write_text((rendered.folder / FACTS).read_text())
    copytree(rendered.folder / "meshes" / "wedge_wedge", tmp_path / "meshes" / "wedge_wedge")
    RenderedObjects(wedge, views=3, grouped=False).draw("rendered", np.random.default_rng(0))
    with pytest.raises(InvalidInput, match="no group of two meshes"):
        RenderedObjects(wedge, views=3)
