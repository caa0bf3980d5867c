"""On a real GPU: what is drawn there, votes in large parts, and a run that goes on."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from shipped_recipe import LAYOUT, NETWORK, training_data
from train_command import rows

from cape_ros.lab.datasets.views import Batch
from cape_ros.lab.training.batches import map_tensors
from cape_ros.lab.training.config_file import read_config
from cape_ros.lab.training.data.episodes import EpisodeConfig, Episodes, SketchedStep
from cape_ros.lab.training.data.light import Light
from cape_ros.lab.training.distributed import Team
from cape_ros.lab.training.run_folder import RunFolder, State
from cape_ros.lab.training.trainer import train
from cape_ros.model.layout.layout import LANDMARKS, Layouts, agreement

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="needs a GPU: PyTorch finds none"
)


def test_views_are_drawn_as_on_a_cpu(
    data: Path, photographs: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    draw = Light.draw
    monkeypatch.setattr(Light, "draw", lambda generator: replace(draw(generator), noisy=False))
    config = EpisodeConfig(warped=0.5, thin_plate=0.5, procedural=0.2, drawn_by="device")
    episodes = Episodes(training_data(data), photographs, config, NETWORK)
    for number in range(4):
        step = episodes.prepare((number,))
        assert isinstance(step, SketchedStep)
        here: Batch = step.draw().batch
        there: Batch = map_tensors(step, lambda tensor: tensor.cuda()).draw().batch
        away = (there.images.cpu() - here.images).abs()
        assert away.mean() < 1e-3
        assert away.quantile(0.999) < 0.05
        torch.testing.assert_close(there.heatmaps.cpu(), here.heatmaps, atol=1e-5, rtol=0)


def test_votes_in_large_parts_are_those_in_small_ones() -> None:
    torch.manual_seed(0)
    batch, shots, count, grid = 40, 1, 9, 32
    similarity = 4 * torch.randn(batch, count, grid, grid)
    landmarks = 4 * torch.randn(batch, shots, LANDMARKS, grid, grid)
    layouts = Layouts(
        torch.rand(batch, shots, count, 2),
        torch.ones(batch, shots, count, dtype=torch.bool),
        torch.rand(batch, shots, LANDMARKS, 2),
        torch.zeros(batch, shots, LANDMARKS, 8),
    )
    here = agreement(similarity, landmarks, layouts)
    there = agreement(
        similarity.cuda(), landmarks.cuda(), map_tensors(layouts, lambda tensor: tensor.cuda())
    ).cpu()
    same = ((there - here).abs() < 0.01).float().mean(dim=(-2, -1))  # of each keypoint
    assert (same > 0.99).float().mean() > 0.95, "two ways that are as good may change places"


def test_a_run_goes_on_as_it_would_have(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its optimiser computes in one pass there, with a state of its own."""
    settings = [LAYOUT, "validation=null", "workers=0", "episodes.drawn_by=device", "averaged=null"]
    config, gpu = read_config(small, settings), torch.device("cuda")
    one, other = tmp_path / "one", tmp_path / "other"
    save = RunFolder.save

    def keeps_the_third(folder: RunFolder, state: State, *rest: object) -> None:
        save(folder, state, *rest)
        if state.steps == 3:
            shutil.copytree(one, other)

    monkeypatch.setattr(RunFolder, "save", keeps_the_third)
    assert train(config, one, Team(), gpu) == 0
    assert train(config, other, Team(), gpu, resume=True) == 0
    ends = [load_file(run / "weights.safetensors") for run in (one, other)]
    begin = load_file(one / "start.safetensors")
    moved = {name: (ends[0][name] - begin[name]).abs().max() for name in begin}
    apart = {name: (ends[0][name] - ends[1][name]).abs().max() for name in begin}
    assert max(moved.values()) > 1e-4
    assert max(apart.values()) < 0.1 * max(moved.values())
    assert len(rows(one)) == len(rows(other)) == 8
