from __future__ import annotations

from pathlib import Path

import pytest
import torch
from shipped_recipe import LAYOUT

from cape_ros.lab.training.batches import Material
from cape_ros.lab.training.config_file import read_config
from cape_ros.lab.training.distributed import Team
from cape_ros.lab.training.objective import Objective, matching_loss
from cape_ros.model import CapeFormer

pytestmark = pytest.mark.numeric


def test_a_keypoint_belongs_to_its_cell_and_a_stranger_to_none() -> None:
    place = torch.tensor([[[0.375, 0.625]]])  # the centre of cell (row 2, column 1) of 4 x 4
    right, wrong, nowhere = (torch.full((1, 1, 4, 4), -9.0) for _ in range(3))
    right[..., 2, 1] = wrong[..., 1, 2] = 9.0
    weight = torch.ones(1, 1)

    def loss(similarity: torch.Tensor, pairs: int) -> float:
        return float(matching_loss(similarity, place, weight, pairs))

    assert loss(right, 1) < 0.01 < loss(nowhere, 1) < loss(wrong, 1)
    assert loss(nowhere, 0) < 0.01 < loss(right, 0)
    assert float(matching_loss(wrong, place, 0 * weight, 1)) == 0


def test_a_place_between_cells_belongs_to_both() -> None:
    similarity = torch.zeros(1, 1, 4, 4, requires_grad=True)
    matching_loss(similarity, torch.tensor([[[0.5, 0.625]]]), torch.ones(1, 1), 1).backward()
    wanted = -similarity.grad[0, 0]
    assert wanted[2, 1] == pytest.approx(wanted[2, 2])
    assert wanted[2, 1] > 0.3
    assert (wanted > 0).sum() == 2


def test_half_precision_finds_nearly_the_same_loss(small: Path) -> None:
    config = read_config(small, [LAYOUT])
    step = Material.of(config, Team()).draw(0)
    torch.manual_seed(0)
    net = CapeFormer(config.network).eval()
    exact = Objective(net, config.objective)(step)
    half = Objective(net, config.objective, torch.bfloat16)(step)
    assert {name for name, term in half.items() if term.dtype != torch.float32} == set()
    assert half["loss"] != exact["loss"]
    assert half["loss"].item() == pytest.approx(exact["loss"].item(), rel=0.05)
    half["loss"].backward()
    assert all(p.grad is None or p.grad.dtype == torch.float32 for p in net.parameters())


def test_batch_norm_sees_supports_and_queries_in_turn(small_few_shot: Path) -> None:
    config = read_config(small_few_shot)
    step = Material.of(config, Team()).draw(0)
    net = CapeFormer(config.network).train()
    seen: list[torch.Tensor] = []
    net.backbone.features[0].register_forward_pre_hook(
        lambda module, images: seen.append(images[0])
    )
    Objective(net, config.objective)(step)
    assert [
        images is batch.images
        for images, batch in zip(seen, (*step.shots, step.query), strict=True)
    ]
    assert int(net.backbone.features[0][1].num_batches_tracked) == 2
