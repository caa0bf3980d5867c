from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from cape_ros.core.errors import CheckpointError
from cape_ros.model import CapeFormer, CapeFormerConfig, checkpoints


@pytest.fixture
def net() -> CapeFormer:
    torch.manual_seed(0)
    return CapeFormer(
        CapeFormerConfig(
            backbone="resnet18", stride=16, image_size=(64, 64), width=32, heads=4, feedforward=48
        )
    ).eval()


def test_what_is_saved_comes_back(net: CapeFormer, tmp_path: Path) -> None:
    path = tmp_path / "new" / "net.safetensors"
    checkpoints.save(path, net, {"seed": 3}, torch.float32)
    again, facts = checkpoints.load(path)
    assert again.config == net.config
    assert facts == {"seed": 3}
    assert not again.training
    state = net.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in again.state_dict().items())
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_loading_draws_nothing(net: CapeFormer, tmp_path: Path) -> None:
    """A program that has seeded PyTorch repeats, whether it loads a network or not."""
    path = tmp_path / "net.safetensors"
    checkpoints.save(path, net, {})
    before = torch.get_rng_state()
    checkpoints.load(path)
    assert torch.equal(torch.get_rng_state(), before)


def test_truncated(net: CapeFormer, tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    checkpoints.save(path, net, {})
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(CheckpointError, match="cut short"):
        checkpoints.load(path)


def test_not_a_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    path.write_bytes(b"\x80\x04not tensors")
    with pytest.raises(CheckpointError, match="not safetensors"):
        checkpoints.load(path)
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(CheckpointError, match="not a checkpoint of cape_ros"):
        checkpoints.load(path)
    with pytest.raises(CheckpointError, match="no such file"):
        checkpoints.load(tmp_path / "absent")


def test_wrong_architecture(net: CapeFormer, tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    header = {"format": checkpoints.FORMAT, "config": '{"backbone": "resnet18"}', "facts": "{}"}
    save_file(net.state_dict(), path, metadata=header)
    with pytest.raises(CheckpointError, match="do not fit"):
        checkpoints.load(path)
    save_file(net.state_dict(), path, metadata=header | {"config": '{"layers": 3}'})
    with pytest.raises(CheckpointError, match="layers"):
        checkpoints.load(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers(net: CapeFormer, tmp_path: Path, value: float) -> None:
    next(net.parameters()).data.flatten()[3] = value
    checkpoints.save(tmp_path / "net.safetensors", net, {}, torch.float32)
    with pytest.raises(CheckpointError, match="holds NaN or infinity"):
        checkpoints.load(tmp_path / "net.safetensors")


@pytest.mark.parametrize("config", ["3", "null", "[]", '{"width": "wide"}', '{"image_size": null}'])
def test_a_configuration_of_another_type(net: CapeFormer, tmp_path: Path, config: str) -> None:
    path = tmp_path / "net.safetensors"
    header = {"format": checkpoints.FORMAT, "config": config, "facts": "{}"}
    save_file(net.state_dict(), path, metadata=header)
    with pytest.raises(CheckpointError, match="do not fit"):
        checkpoints.load(path)
