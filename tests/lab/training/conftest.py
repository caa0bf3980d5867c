"""A little training data: drawn objects of four categories, photographs of a dependency, and
views of a few rendered blocks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from forks import Forks
from primitives import CHAIR, WEDGE, write_obj
from shipped_recipe import CONFIGS, HELD_OUT
from skimage import data as shipped

from cape_ros.core.errors import CapeError
from cape_ros.lab.datasets.rendered.cache import CacheConfig, RenderedCache
from cape_ros.lab.datasets.rendered.catalogue import read_catalogue
from cape_ros.lab.datasets.rendered.meshes import require_renderer
from cape_ros.lab.datasets.rendered.run import render_all
from cape_ros.lab.training.data.episodes import Kind
from cape_ros.lab.training.data.rendered import RENDERINGS, RenderedObjects

NAMES = ("kite", "cross", *HELD_OUT)
CORNERS = np.array([[0.1, 0.5], [0.5, 0.1], [0.9, 0.5], [0.5, 0.9]])


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """Starts programs that train, fast."""
    with Forks("cape_ros.cli", "cape_ros.lab.training.trainer", "torchvision") as forks:
        yield forks


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """DATA/images and DATA/annotations/train.json: four objects of each category."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "images").mkdir()
    (folder / "annotations").mkdir()
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for category, _ in enumerate(NAMES):
        colours = rng.integers(60, 256, (4, 3)).tolist()
        for number in range(4):
            key = len(images)
            pixels = rng.integers(0, 40, (120, 160, 3)).astype(np.uint8)
            side = int(rng.integers(50, 80))
            left, top = rng.integers(5, 160 - side), rng.integers(5, 120 - side)
            points = CORNERS * side + (left, top)
            for point, colour in zip(points, colours, strict=True):
                cv2.circle(pixels, tuple(int(v) for v in point), 5, colour, -1)
            cv2.imwrite(str(folder / "images" / f"{key}.png"), pixels)
            images.append({"id": key, "file_name": f"{key}.png", "width": 160, "height": 120})
            visible = [2, 2, 2, 0 if number == 0 else 2]
            flat = [v for p, f in zip(points.tolist(), visible, strict=True) for v in (*p, f)]
            annotations.append(
                {
                    "id": key,
                    "image_id": key,
                    "category_id": category,
                    "bbox": [int(left), int(top), side, side],
                    "keypoints": flat,
                }
            )
    content = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": n, "name": name} for n, name in enumerate(NAMES)],
    }
    (folder / "annotations" / "train.json").write_text(json.dumps(content))
    return folder


@pytest.fixture(scope="session")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("photographs")
    for name in ("coffee", "chelsea", "rocket"):
        pixels = cv2.resize(getattr(shipped, name)(), (200, 150))
        cv2.imwrite(str(folder / f"{name}.png"), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    return sorted(folder.iterdir())


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory, photographs: list[Path]) -> RenderedCache:
    """Views of two chairs, which are a group, and of a wedge."""
    try:
        require_renderer()
    except CapeError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("rendered")
    broad = [*CHAIR, ((-0.7, 0.5, 0), (0.7, 0.6, 0.2))]
    for name, blocks in (("chair/low", CHAIR), ("chair/broad", broad), ("wedge/wedge", WEDGE)):
        write_obj(folder / "meshes" / f"{name}.obj", blocks)
    entries = read_catalogue(folder / "meshes")
    cache = RenderedCache(folder / "cache")
    config = CacheConfig(count=5)
    for done in render_all(entries, cache.folder, config, photographs, 1):
        assert not done.left_out
    return cache


@pytest.fixture(scope="session")
def objects(rendered: RenderedCache) -> RenderedObjects:
    return RenderedObjects(rendered, views=3)


@pytest.fixture
def objects_for(request: pytest.FixtureRequest) -> Callable[[Kind], RenderedObjects | None]:
    """Where no renderer is installed, tests of the kinds that need one are skipped."""
    return lambda kind: request.getfixturevalue("objects") if kind in RENDERINGS else None


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory, data: Path, photographs: list[Path]) -> Path:
    """A configuration with a tiny network and tiny steps, after the shipped weights' recipe.

    Without votes, for which a validation has to see every support from eight sides: those who
    learn or measure with them say `LAYOUT`.
    """
    path = tmp_path_factory.mktemp("config") / "small.yaml"
    path.write_text(
        f"""
base: {CONFIGS / "cape_r18.yaml"}
name: small
data: {{root: {data}, photographs: {photographs[0].parent}}}
network:
  {{backbone: mobilenet_v2, stride: 16, pooling: 1, image_size: [64, 64], width: 32,
   heads: 4, feedforward: 32, encoder_layers: 1, decoder_layers: 2, layout: false}}
start: {{imagenet: null, matcher: false}}
optimiser: {{early_layers_from: 0}}
episodes: {{episodes: 2, views: 2, keypoints: 4, strangers: 2}}
steps: 8
cosine: {{warm_up: 2}}
checkpoint_every: 3
validation: {{every: 2, pairs: 3}}
"""
    )
    return path


@pytest.fixture(scope="session")
def small_few_shot(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Path:
    """The same after the paper's recipe: an epoch of eight steps."""
    path = tmp_path_factory.mktemp("config") / "few_shot.yaml"
    path.write_text(
        f"""
base: {CONFIGS / "mp100_split1_1shot.yaml"}
name: few_shot
data: {{root: {data}, annotations: annotations/train.json}}
network: {{backbone: mobilenet_v2, width: 32, heads: 4, feedforward: 32}}
start: {{imagenet: null}}
few_shot: {{batch: 2}}
epochs: 1
milestones: {{warm_up: 4}}
validation: null
checkpoint_every: 4
workers: 1
"""
    )
    return path
