from __future__ import annotations

from pathlib import Path

import pytest
import torch

from cape_ros.core.errors import CheckpointError
from cape_ros.lab.training.config_file import read_config
from cape_ros.lab.training.start import load_imagenet
from cape_ros.model import CapeFormer


@pytest.mark.parametrize("shared", ["true", "false"])
def test_imagenet_weights_are_in_every_backbone(shared: str, small: Path, tmp_path: Path) -> None:
    network = read_config(small, [f"network.shared_backbone={shared}"]).network
    given, net = CapeFormer(network), CapeFormer(network)
    path = tmp_path / "imagenet.pth"
    torch.save(given.backbone.state_dict(), path)
    load_imagenet(net, str(path))
    for backbone in filter(None, (net.backbone, net.support_backbone)):
        for name, tensor in backbone.state_dict().items():
            assert torch.equal(tensor, given.backbone.state_dict()[name]), name


@pytest.mark.parametrize("shared", ["true", "false"])
def test_imagenet_weights_that_lack_a_layer_are_refused(
    shared: str, small: Path, tmp_path: Path
) -> None:
    """Else that layer would start at random without a warning."""
    net = CapeFormer(read_config(small, [f"network.shared_backbone={shared}"]).network)
    state = net.backbone.state_dict()
    lacking = next(name for name in state if name.endswith("weight"))
    del state[lacking]
    path = tmp_path / "imagenet.pth"
    torch.save(state, path)
    with pytest.raises(CheckpointError, match=f"{lacking} is missing"):
        load_imagenet(net, str(path))
