from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from forks import Forks

from cape_ros.model import CapeFormer, CapeFormerConfig, checkpoints


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny network that was never trained."""
    torch.manual_seed(0)
    net = CapeFormer(
        CapeFormerConfig(
            backbone="resnet18", stride=16, image_size=(64, 64), width=32, heads=4, feedforward=48
        )
    )
    for head in net.decoder.offset_heads:
        torch.nn.init.normal_(head[-1].weight)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    checkpoints.save(path, net, {"name": "tiny"}, torch.float32)
    return path


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """Starts programs that need PyTorch, fast."""
    modules = [
        "server.server",
        "perception.library.annotation",
        "perception.drawing.overlay",
        "perception.drawing.panel",
    ]
    with Forks("cv2", *(f"cape_ros.{module}" for module in modules)) as forks:
        yield forks


@pytest.fixture
def start(weights: Path, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """A function that starts the node with some parameters, and a robot beside it."""
    from dds import Bench

    benches = []

    def begin(**parameters: Any) -> Bench:
        usual = {"weights": weights, "library": tmp_path / "library"}
        benches.append(Bench(**(usual | parameters)))
        return benches[-1]

    yield begin
    for bench in benches:
        bench.close()
