from __future__ import annotations

from pathlib import Path

import pytest
import torch

from cape_ros.core.errors import CheckpointError
from cape_ros.lab.baselines.anchors import copy_layout, imagenet_resnet18, nearest_neighbour
from cape_ros.model.backbone import build_backbone

pytestmark = pytest.mark.numeric


def test_the_layout_is_the_mean_of_the_shots() -> None:
    shots = torch.tensor([[[0.2, 0.2], [0.4, 0.8]], [[0.4, 0.2], [0.4, 0.6]]])
    assert torch.allclose(copy_layout(shots), torch.tensor([[0.3, 0.2], [0.4, 0.7]]))


def test_a_feature_is_found_where_it_lies_whatever_its_length() -> None:
    features = torch.randn(16, 4, 8, generator=torch.Generator().manual_seed(0))
    prototype = 7 * features[:, 2, 5]
    found = nearest_neighbour(prototype[None, None], features)
    assert torch.allclose(found, torch.tensor([[5.5 / 8, 2.5 / 4]]), atol=1 / 32)


def test_imagenet_weights_may_lack_what_comes_after_layer3(tmp_path: Path) -> None:
    state = build_backbone("resnet18", 16).state_dict()
    state = {key: torch.randn_like(value) if value.dim() else value for key, value in state.items()}
    torch.save(state | {"fc.weight": torch.zeros(1)}, tmp_path / "weights.pth")
    net = imagenet_resnet18(tmp_path / "weights.pth")
    assert torch.equal(net.state_dict()["conv1.weight"], state["conv1.weight"])
    del state["layer3.0.conv1.weight"]
    torch.save(state, tmp_path / "weights.pth")
    with pytest.raises(CheckpointError, match=r"layer3\.0\.conv1\.weight"):
        imagenet_resnet18(tmp_path / "weights.pth")


def test_a_file_that_needs_more_than_tensors_is_not_read(tmp_path: Path) -> None:
    torch.save({"conv1.weight": Path("x")}, tmp_path / "weights.pth")
    with pytest.raises(CheckpointError, match="not ResNet-18 weights"):
        imagenet_resnet18(tmp_path / "weights.pth")
