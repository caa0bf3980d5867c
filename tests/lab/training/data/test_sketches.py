"""What a device draws is what a worker would have drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from shipped_recipe import NETWORK, training_data

from cape_ros.lab.datasets.views import IMAGENET_MEAN, IMAGENET_STD, Batch, collate, images_in
from cape_ros.lab.training.data.augment import LARGEST_SOURCE, source
from cape_ros.lab.training.data.episodes import KINDS, EpisodeConfig, Episodes, Kind, SketchedStep
from cape_ros.lab.training.data.light import NOISE, Light
from cape_ros.lab.training.data.rendered import RenderedObjects
from cape_ros.lab.training.data.sketches import Sketch, Sketches
from cape_ros.model import CapeFormerConfig

ALL_KINDS = EpisodeConfig(
    episodes=6, views=2, warped=0.5, affine=0.3, thin_plate=0.3, procedural=0.2, strangers=3
)


@pytest.fixture(autouse=True)
def no_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the one thing that the two draw by different generators."""
    draw = Light.draw
    monkeypatch.setattr(Light, "draw", lambda generator: replace(draw(generator), noisy=False))


def episodes(
    data: Path,
    photographs: list[Path],
    config: EpisodeConfig,
    objects: RenderedObjects | None = None,
) -> Episodes:
    return Episodes(training_data(data), photographs, config, NETWORK, objects)


def pixels(batch: Batch) -> torch.Tensor:
    """[B, 3, H, W] in grey levels."""
    mean, std = (torch.tensor(v)[:, None, None] for v in (IMAGENET_MEAN, IMAGENET_STD))
    return batch.images * std + mean


@pytest.mark.parametrize("kind", KINDS)
def test_views_are_what_a_worker_draws(
    data: Path,
    photographs: list[Path],
    kind: Kind,
    objects_for: Callable[[Kind], RenderedObjects | None],
) -> None:
    by = {
        who: episodes(data, photographs, replace(ALL_KINDS, drawn_by=who), objects_for(kind))
        for who in ("workers", "device")
    }
    for seed in range(6):
        views, sketches = (
            one.episode(kind, np.random.default_rng((seed, 7)))[1] for one in by.values()
        )
        assert all(isinstance(sketch, Sketch) for sketch in sketches)
        expected = collate(views, NETWORK)
        drawn = Sketches.of(sketches, 0, NETWORK).draw()
        away = (pixels(drawn) - pixels(expected)).abs()
        assert away.mean() < 1.5  # a worker cuts half a grey level off
        assert away.quantile(0.99) < 6
        assert drawn.images.stride() == expected.images.stride(), "GPUs are fast for one layout"
        for name in ("points", "heatmaps", "weight"):
            torch.testing.assert_close(
                getattr(drawn, name), getattr(expected, name), atol=1e-4, rtol=0
            )


@pytest.mark.parametrize("rounded", [False, True])
def test_masks_are_those_of_a_worker_beside_the_picture_too(rounded: bool) -> None:
    config = CapeFormerConfig(round_masks=rounded)
    rng = np.random.default_rng(0)
    blank = np.zeros((*NETWORK.image_size, 3), np.uint8)
    light = Light.draw(rng)
    points = rng.uniform(-0.2, 1.2, (40, 2)).astype(np.float32)
    visible = rng.random(40) < 0.7
    sketch = Sketch(blank, points, visible, None, light, False)
    drawn, expected = Sketches.of([sketch], 0, config).draw(), collate([sketch], config)
    torch.testing.assert_close(drawn.heatmaps, expected.heatmaps, atol=1e-5, rtol=0)
    assert torch.equal(drawn.weight, expected.weight)


def test_a_step_has_the_same_pairs_and_the_same_seed_the_same_noise(
    data: Path, photographs: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    config = replace(ALL_KINDS, drawn_by="device", episodes=8)
    here = episodes(data, photographs, config)
    step = here.prepare((1, 2))
    assert isinstance(step, SketchedStep)
    assert min(map(len, (step.batch.grids, step.batch.ready, step.batch.lights.noisy))) > 0
    one, again, other = here.draw((1, 2)), step.draw(), here.draw((1, 3))
    assert torch.equal(one.batch.images, again.batch.images)
    assert torch.equal(one.support, again.support)
    assert not torch.equal(one.batch.images[:2], other.batch.images[:2])
    by_workers = episodes(data, photographs, replace(config, drawn_by="workers")).draw((1, 2))
    assert one.support.shape == by_workers.support.shape
    assert one.stranger.shape == by_workers.stranger.shape


def test_noise_and_blur_are_as_strong_as_a_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    rng = np.random.default_rng(0)
    image = rng.integers(60, 190, (*NETWORK.image_size, 3), dtype=np.uint8)
    plain = Light(False, np.ones(3, np.float32), 0.0, 0.0, False)
    none = np.empty((0, 2), np.float32), np.empty(0, bool)
    for light in (replace(plain, blur=0.5), replace(plain, blur=2.0), replace(plain, noisy=True)):
        sketch = Sketch(image, *none, None, light, False)
        found = pixels(Sketches.of([sketch], 3, NETWORK).draw())[0].permute(1, 2, 0).numpy()
        expected = light.shine(image, rng).astype(np.float32)
        if light.noisy:
            assert (found - image).std() == pytest.approx(NOISE, rel=0.02)
            assert (expected - image).std() == pytest.approx(NOISE, rel=0.02)
        else:
            assert np.abs(found - expected).max() < 3


def test_a_large_photograph_is_sent_smaller(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    cv2.imwrite(str(path), np.zeros((700, 1400, 3), np.uint8))
    assert source(path).shape == (LARGEST_SOURCE // 2, LARGEST_SOURCE, 3)
    assert list(images_in(tmp_path)) == [path]
