from __future__ import annotations

from pathlib import Path

import pytest
import torch

from cape_ros.core.errors import CheckpointError, InvalidInput
from cape_ros.lab.training import blend
from cape_ros.model import CapeFormer, CapeFormerConfig, checkpoints

CONFIG = {"backbone": "resnet18", "stride": 16, "width": 32, "heads": 4, "feedforward": 32}


def save(path: Path, seed: int, **fields: object) -> CapeFormer:
    torch.manual_seed(seed)
    net = CapeFormer(CapeFormerConfig.from_dict(CONFIG | fields))
    checkpoints.save(path, net, {"name": f"net{seed}"}, torch.float32)
    return net


def test_blended_weights_lie_on_the_line_between_both(tmp_path: Path) -> None:
    start = save(tmp_path / "start.safetensors", 1).state_dict()
    trained = save(tmp_path / "trained.safetensors", 2).state_dict()
    out = tmp_path / "blended.safetensors"
    blend.main(tmp_path / "start.safetensors", tmp_path / "trained.safetensors", 0.25, out)
    net, facts = checkpoints.load(out)
    assert facts == {"name": "net2", "share": 0.25}
    for name, tensor in net.state_dict().items():
        if tensor.is_floating_point():
            expected = 0.75 * start[name] + 0.25 * trained[name]
            assert torch.allclose(tensor, expected, rtol=2e-3, atol=1e-4)


def test_two_architectures_do_not_blend(tmp_path: Path) -> None:
    one, other = save(tmp_path / "a", 1), save(tmp_path / "b", 1, feedforward=64)
    with pytest.raises(CheckpointError, match="two architectures"):
        blend.blend(one, other, 0.5)


@pytest.mark.parametrize("share", [5, float("nan"), -0.1])
def test_a_share_is_a_part(tmp_path: Path, share: float) -> None:
    with pytest.raises(InvalidInput, match="--share"):
        blend.main(tmp_path / "a", tmp_path / "b", share, tmp_path / "c")
