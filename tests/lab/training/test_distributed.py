"""Two processes and gloo: what several GPUs do, on the CPU."""

from __future__ import annotations

import json
import os
import socket
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path

import pytest
import torch
from forks import Forks
from gradients_of_a_team import EARLY, SETTINGS
from safetensors import safe_open
from torch import Tensor
from torch.nn import functional as F
from train_command import PATIENCE, rows

from cape_ros.core.errors import InvalidInput
from cape_ros.lab.datasets.views import Batch
from cape_ros.lab.training.batches import Material
from cape_ros.lab.training.config_file import read_config
from cape_ros.lab.training.data.episodes import Step
from cape_ros.lab.training.data.few_shot import FewShotStep
from cape_ros.lab.training.distributed import Team
from cape_ros.lab.training.start import build
from cape_ros.lab.training.trainer import Trainer
from cape_ros.model import checkpoints

SCRIPT = Path(__file__).with_name("gradients_of_a_team.py")


@pytest.fixture(scope="module")
def found(
    small: Path, small_few_shot: Path, tmp_path_factory: pytest.TempPathFactory, forks: Forks
) -> Path:
    """What two processes found together, which know of each other what torchrun tells them."""
    out = tmp_path_factory.mktemp("team")
    with socket.create_server(("localhost", 0)) as free:
        port = free.getsockname()[1]
    team = {"WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": str(port)}
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                forks.start(
                    [SCRIPT, small, small_few_shot, out],
                    os.environ | team | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
                )
            )
            for rank in range(2)
        ]
        for process in processes:
            _, printed = process.communicate(PATIENCE)
            assert process.returncode == 0, printed
    return out


@pytest.mark.parametrize(("recipe", "more"), [("small", EARLY), ("small_few_shot", [])])
def test_two_processes_find_the_gradients_of_one_with_the_joined_step(
    recipe: str, more: list[str], found: Path, request: pytest.FixtureRequest
) -> None:
    config = read_config(request.getfixturevalue(recipe), SETTINGS + more)
    parts = [Material.of(config, Team(rank, 2)) for rank in range(2)]
    net = build(config, parts[0])
    trainer = Trainer(config, parts[0], net, Team(), torch.device("cpu"))
    row = trainer.step(join(*(part.draw(0) for part in parts)))
    with safe_open(found / f"{config.name}.safetensors", "pt") as file:
        theirs = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        assert json.loads(file.metadata()["row"]) == pytest.approx(row, rel=1e-4, abs=1e-6)
    ours = {name: p.grad for name, p in net.named_parameters() if p.grad is not None}
    assert ours.keys() == theirs.keys()
    largest = max(float(gradient.abs().max()) for gradient in ours.values())
    for name, gradient in ours.items():
        assert (gradient - theirs[name]).abs().max() < 1e-4 * largest, name


def test_one_of_them_writes_the_run(found: Path) -> None:
    assert [row["step"] for row in rows(found / "run")] == ["0", "1"]
    assert checkpoints.load(found / "run" / "weights.safetensors")[1]["steps"] == 2


def test_a_step_that_cannot_be_shared_is_refused(small: Path, small_few_shot: Path) -> None:
    with pytest.raises(InvalidInput, match=r"episodes.episodes: 2 cannot be shared evenly by 4"):
        Material.of(read_config(small), Team(0, 4))
    with pytest.raises(InvalidInput, match=r"few_shot.batch: 2 cannot be shared evenly by 4"):
        Material.of(read_config(small_few_shot), Team(0, 4))


def test_strangers_are_shared_as_well_as_they_can(small: Path) -> None:
    config = read_config(small, ["episodes.episodes=4", "episodes.strangers=5"])
    steps = [Material.of(config, Team(rank, 2)).draw(0) for rank in range(2)]
    assert [len(step.stranger) for step in steps] == [3, 2]


def join(one: Step | FewShotStep, other: Step | FewShotStep) -> Step | FewShotStep:
    """Two steps as one; the one with fewer keypoints is padded with hidden ones."""
    if isinstance(one, FewShotStep):
        shots = zip(one.shots, other.shots, strict=True)
        return FewShotStep(tuple(stack(*pair) for pair in shots), stack(one.query, other.query))
    views = len(one.batch.images)
    indices = {
        field.name: torch.cat((getattr(one, field.name), getattr(other, field.name) + views))
        for field in fields(Step)
        if field.name != "batch"
    }
    return Step(stack(one.batch, other.batch), **indices)


def stack(one: Batch, other: Batch) -> Batch:
    most = max(one.weight.shape[1], other.weight.shape[1])

    def padded(tensor: Tensor) -> Tensor:
        behind = 2 * (tensor.dim() - 2)
        return F.pad(tensor, (0,) * behind + (0, most - tensor.shape[1]))

    return Batch(
        torch.cat((one.images, other.images)),
        *(
            torch.cat((padded(getattr(one, name)), padded(getattr(other, name))))
            for name in ("points", "heatmaps", "weight")
        ),
    )
