from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from cape_ros.model import CapeFormer, CapeFormerConfig, checkpoints
from cape_ros.model.encoding import cell_centres
from cape_ros.model.pooling import pool_keypoints
from cape_ros.perception.estimator import Estimator
from cape_ros.training import calibrate, train
from cape_ros.training.data.episodes import EpisodeConfig, Episodes
from cape_ros.training.matcher import start_as_matcher

CONFIG = CapeFormerConfig(
    "resnet18",
    8,
    pooling=2,
    mask_sigma=0.5,
    round_masks=False,
    width=64,
    heads=4,
    feedforward=32,
    encoder_layers=1,
    dropout=0.0,
)


def small_net() -> CapeFormer:
    torch.manual_seed(0)
    return CapeFormer(CONFIG).eval()


@pytest.fixture
def episodes(data: Path, photographs: list[Path]) -> Episodes:
    config = EpisodeConfig(episodes=2, keypoints=4, strangers=2)
    return Episodes(train.training_data(data), photographs, config, CONFIG)


def test_a_new_head_matches_nearest_neighbours(episodes: Episodes) -> None:
    net, batch = small_net(), episodes.draw((0, 0)).batch
    with torch.no_grad():
        features = net.extract(batch.images)
        start_as_matcher(net, features.flatten(2).transpose(1, 2).flatten(0, 1))
        prototypes = pool_keypoints(features, batch.heatmaps)
        tokens = net.pool([features], [batch.heatmaps], [batch.weight])
        output = net.match(features, tokens)
    near = 0
    for at in range(len(features)):
        cosine = F.normalize(prototypes[at], dim=-1) @ F.normalize(features[at].flatten(1), dim=0)
        expected = cell_centres(*net.config.grid)[cosine.argmax(dim=-1)]
        near += int(((output.proposals[at] - expected).abs().amax(dim=-1) < 0.1).sum())
    assert near > 0.7 * output.proposals[..., 0].numel()


def test_training_learns_and_leaves_weights_that_load(episodes: Episodes, tmp_path: Path) -> None:
    recipe = train.Recipe(
        steps=100, matcher_rate=2e-3, encoder_rate=2e-3, decoder_rate=2e-3, warm_up=5, averaged=0.8
    )
    averaged = train.train(small_net(), episodes, recipe, tmp_path)
    rows = list(csv.DictReader((tmp_path / "log.csv").open()))
    loss = [float(row["loss"]) for row in rows]
    assert len(loss) == 100
    assert sum(loss[-20:]) < 0.9 * sum(loss[:20])
    net, facts = checkpoints.load(tmp_path / "weights.safetensors")
    assert facts["steps"] == 100
    assert torch.allclose(
        net.state_dict()["input_proj.weight"],
        averaged.state_dict()["input_proj.weight"],
        atol=1e-3,
    )


def test_every_layer_is_trained_in_the_end(episodes: Episodes, tmp_path: Path) -> None:
    net = small_net()
    before = {name: value.clone() for name, value in net.named_parameters()}
    train.train(net, episodes, train.Recipe(steps=4, warm_up=1, early_layers_from=0.5), tmp_path)
    same = [name for name, value in net.named_parameters() if torch.equal(value, before[name])]
    assert same == []


def test_a_keypoint_belongs_to_its_cell_and_a_stranger_to_none() -> None:
    place = torch.tensor([[[0.375, 0.625]]])  # the centre of cell (row 2, column 1) of 4 x 4
    right, wrong, nowhere = (torch.full((1, 1, 4, 4), -9.0) for _ in range(3))
    right[..., 2, 1] = wrong[..., 1, 2] = 9.0
    weight = torch.ones(1, 1)

    def loss(similarity: torch.Tensor, pairs: int) -> float:
        return float(train.matching_loss(similarity, place, weight, pairs))

    assert loss(right, 1) < 0.01 < loss(nowhere, 1) < loss(wrong, 1)
    assert loss(nowhere, 0) < 0.01 < loss(right, 0)
    assert float(train.matching_loss(wrong, place, 0 * weight, 1)) == 0


def test_a_place_between_cells_belongs_to_both() -> None:
    similarity = torch.zeros(1, 1, 4, 4, requires_grad=True)
    train.matching_loss(similarity, torch.tensor([[[0.5, 0.625]]]), torch.ones(1, 1), 1).backward()
    wanted = -similarity.grad[0, 0]
    assert wanted[2, 1] == pytest.approx(wanted[2, 2])
    assert wanted[2, 1] > 0.3
    assert (wanted > 0).sum() == 2


def test_rates_rise_and_fall() -> None:
    recipe = train.Recipe(steps=1000, warm_up=100)
    rates = [train.rate_at(step, recipe) for step in range(1000)]
    assert max(rates) == pytest.approx(1, abs=0.01)
    assert rates.index(max(rates)) in (99, 100)
    assert rates[0] == 0.01
    assert rates[-1] < 0.011


def test_a_calibration_gives_chances() -> None:
    generator = torch.Generator().manual_seed(0)
    seen = torch.randn(20000, 5, generator=generator) * torch.tensor([1, 5, 0.1, 2, 1]) + 3
    truth = torch.sigmoid(seen @ torch.tensor([0.5, 0.2, -4.0, 0.0, 0.3]) - 1)
    right = torch.rand(20000, generator=generator) < truth
    fitted = calibrate.fit(seen, right)
    scores = torch.sigmoid(seen @ torch.tensor(fitted.weights) + fitted.bias)
    assert (scores - truth).abs().max() < 0.05
    assert calibrate.calibration_error(scores, right) < 0.02
    assert calibrate.auroc(truth, right) > 0.6
    assert calibrate.auroc(right.double(), right) == 1
    assert calibrate.auroc(torch.arange(4), torch.tensor([True, False, False, True])) == 0.5


def test_calibrated_weights_are_used(data: Path, photographs: list[Path], tmp_path: Path) -> None:
    net = small_net()
    seen = Episodes(train.training_data(data), photographs, EpisodeConfig(keypoints=4), CONFIG)
    with torch.no_grad():
        features = net.extract(seen.draw((0, 0)).batch.images)
    start_as_matcher(net, features.flatten(2).transpose(1, 2).flatten(0, 1))
    checkpoints.save(tmp_path / "raw.safetensors", net, {"name": "small"})
    out = tmp_path / "calibrated.safetensors"
    where = [tmp_path / "raw.safetensors", data, photographs[0].parent, "--out", out]
    calibrate.main([*map(str, where), "--steps", "4"])
    _, facts = checkpoints.load(out)
    assert facts["name"] == "small"
    assert 0 <= facts["calibration_quality"]["auroc"] <= 1
    Estimator.load(out, device="cpu")
