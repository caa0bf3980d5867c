from __future__ import annotations

from pathlib import Path

import pytest
import torch
from shipped_recipe import training_data
from torch.nn import functional as F

from cape_ros.lab.training.config_file import read_config
from cape_ros.lab.training.data.episodes import EpisodeConfig, Episodes
from cape_ros.lab.training.pca_init import start_as_matcher
from cape_ros.model import CapeFormer
from cape_ros.model.encoding import cell_centres
from cape_ros.model.pooling import pool_keypoints

pytestmark = pytest.mark.numeric


def test_a_new_head_matches_nearest_neighbours(
    data: Path, photographs: list[Path], small: Path
) -> None:
    network = read_config(
        small, ["network.width=64", "network.layout=false", "network.backbone=resnet18"]
    ).network
    config = EpisodeConfig(episodes=2, keypoints=4, strangers=2)
    batch = Episodes(training_data(data), photographs, config, network).draw((0, 0)).batch
    torch.manual_seed(0)
    net = CapeFormer(network).eval()
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
