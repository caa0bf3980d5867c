from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from shipped_recipe import HELD_OUT, LAYOUT, training_data

from cape_ros.core.errors import InvalidInput
from cape_ros.lab.training import calibrate
from cape_ros.lab.training.config_file import read_config
from cape_ros.lab.training.data.episodes import EpisodeConfig, Episodes
from cape_ros.lab.training.start import match_nearest_neighbours
from cape_ros.model import CapeFormer, checkpoints
from cape_ros.perception.estimator import Estimator


def test_a_calibration_gives_chances() -> None:
    generator = torch.Generator().manual_seed(0)
    seen = torch.randn(20000, 5, generator=generator) * torch.tensor([1, 5, 0.1, 2, 1]) + 3
    truth = torch.sigmoid(seen @ torch.tensor([0.5, 0.2, -4.0, 0.0, 0.3]) - 1)
    right = torch.rand(20000, generator=generator) < truth
    fitted = calibrate.fit(seen, right, torch.ones(len(seen)))
    scores = torch.sigmoid(seen @ torch.tensor(fitted.weights) + fitted.bias)
    assert (scores - truth).abs().max() < 0.05


def test_calibrated_weights_are_used(
    data: Path, photographs: list[Path], small: Path, tmp_path: Path
) -> None:
    network = read_config(
        small, [LAYOUT, "network.backbone=resnet18", "network.image_size=[128, 128]"]
    ).network
    torch.manual_seed(0)
    net = CapeFormer(network)
    seen = Episodes(training_data(data), photographs, EpisodeConfig(2, 2, keypoints=4), network)
    match_nearest_neighbours(net, seen, seed=0)
    raw, out = tmp_path / "raw.safetensors", tmp_path / "calibrated.safetensors"
    checkpoints.save(raw, net, {"name": "small", "held_out": HELD_OUT})
    calibrate.main(raw, data, out, pairs=3)
    _, facts = checkpoints.load(out)
    assert facts["name"] == "small"
    assert 0 <= facts["calibration_quality"]["1 shots"]["calibration_error"] <= 1
    Estimator.load(out, device="cpu")


def test_a_stranger_weighs_less_than_a_pair() -> None:
    """Scores that fear strangers more than they need are too low for what is there."""
    generator = torch.Generator().manual_seed(0)
    seen = torch.randn(2000, 1, generator=generator)
    one = calibrate.Answers(0, 1, seen, torch.ones(2000, dtype=torch.bool), seen)
    scores = calibrate.score(calibrate.fit_all([one]), seen)
    assert np.allclose(scores, 1 / (1 + calibrate.STRANGERS), atol=0.03)


@pytest.mark.parametrize("right", [torch.zeros(9, dtype=torch.bool), torch.ones(0).bool()])
def test_scores_are_not_fitted_to_nothing(right: torch.Tensor) -> None:
    with pytest.raises(InvalidInput, match="scores need both kinds"):
        calibrate.fit(torch.randn(len(right), 5), right, torch.ones(len(right)))
