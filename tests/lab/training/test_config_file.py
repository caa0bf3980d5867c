from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from shipped_recipe import CONFIGS

from cape_ros.core.errors import InvalidInput
from cape_ros.lab.training.config import TrainingConfig
from cape_ros.lab.training.config_file import decode, read_config, to_mapping
from cape_ros.lab.training.optimizer import rate_at
from cape_ros.model import CapeFormerConfig, checkpoints
from cape_ros.model.weights import SHIPPED


def written(folder: Path, text: str) -> Path:
    path = folder / "run.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("split", range(1, 6))
@pytest.mark.parametrize("shots", [1, 5])
def test_the_papers_recipe_for_every_split(split: int, shots: int) -> None:
    config = read_config(CONFIGS / f"mp100_split{split}_{shots}shot.yaml")
    assert config.name == f"mp100_split{split}_{shots}shot"
    assert config.data.annotations == f"annotations/mp100_split{split}_train.json"
    assert config.validation.annotations == f"annotations/mp100_split{split}_val.json"
    assert config.validation.shots == shots
    assert config.network == CapeFormerConfig()
    assert (config.few_shot.shots, config.few_shot.batch, config.epochs) == (shots, 16, 200)
    assert (config.optimiser.rate, config.optimiser.rates) == (1e-5, {})
    assert config.optimiser.weight_decay == 0
    assert config.objective.heatmap_weight == 2
    assert config.batch_norm == "trained"
    epoch = 500
    rates = [
        rate_at(step, config.milestones, 200 * epoch, epoch)
        for step in (0, 500, 1000, 160 * epoch - 1, 160 * epoch, 180 * epoch)
    ]
    assert rates == pytest.approx([0.001, 0.5005, 1, 1, 0.1, 0.01])


def test_the_recipe_of_the_shipped_weights() -> None:
    """What their header says of how they were trained."""
    config = read_config(CONFIGS / "cape_r18.yaml")
    net, facts = checkpoints.load(SHIPPED)
    assert config.network == net.config
    recipe = facts["recipe"]
    optimiser = config.optimiser
    assert (config.steps, config.seed, config.averaged) == (
        recipe["steps"],
        recipe["seed"],
        recipe["averaged"],
    )
    assert optimiser.rate == recipe["matcher_rate"]
    assert optimiser.rates == {
        room: recipe[f"{room}_rate"] for room in ("backbone", "encoder", "decoder")
    }
    for name in ("weight_decay", "largest_gradient", "early_layers_from"):
        assert getattr(optimiser, name) == recipe[name]
    assert config.cosine.warm_up == recipe["warm_up"]
    assert facts["episodes"].items() <= to_mapping(config.episodes).items()
    assert list(config.data.held_out) == facts["held_out"]


def test_rates_rise_and_fall_along_a_cosine() -> None:
    schedule = read_config(CONFIGS / "cape_r18.yaml", ["cosine.warm_up=100"]).cosine
    rates = [rate_at(step, schedule, 1000, 0) for step in range(1000)]
    assert max(rates) == pytest.approx(1, abs=0.01)
    assert rates.index(max(rates)) in (99, 100)
    assert rates[0] == 0.01
    assert rates[-1] < 0.011


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("optimizer.rate=1", "optimizer: is not a field; there are name, network, optimiser"),
        ("optimiser.speed=1", "optimiser.speed: is not a field; there are rate,"),
        ("optimiser.rate=fast", "optimiser.rate: 'fast' is not a finite number"),
        ("optimiser.rate=.nan", "optimiser.rate: nan is not a finite number"),
        ("optimiser.rates.head=1e-3", "optimiser.rates.head: is not one of backbone,"),
        ("steps=2.5", "steps: 2.5 is not a whole number"),
        ("steps=null", "epochs: give either epochs or steps"),
        ("few_shot.shots=0", "few_shot.shots: 0 must be at least 1"),
        ("network.width=30", "network.width: 30 must be a multiple of 4 x heads"),
        ("network.backbone=vit", "network.backbone: 'vit' is not one of"),
        ("episodes.warped=2", "episodes.warped"),
        ("precision=float8", "precision: 'float8' is not one of float32, bfloat16, float16"),
        ("model=resnet", "model: 'resnet' is not one of capeformer, protonet, pomnet"),
        ("model=pomnet", "start.matcher: is of capeformer, not of pomnet"),
        ("validation.every=0", "validation.every: 0 must be at least 1"),
        ("validation.pairs=0", "validation.pairs: 0 must be at least 1"),
        ("batch_norm=true", "batch_norm: True is not one of trained, frozen"),
        ("milestones.warm_up=3", "milestones: give either milestones or cosine"),
        ("data=here", "data: 'here' is not a mapping"),
        ("steps", "--set: 'steps' is not FIELD=VALUE"),
        ("steps=[", "--set steps: is not YAML"),
    ],
)
def test_a_wrong_field_is_named(setting: str, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_config(CONFIGS / "cape_r18.yaml", [setting])
    assert message in str(caught.value)


def test_every_fault_of_a_file_is_named_at_once(tmp_path: Path) -> None:
    path = written(tmp_path, "network: {}\nsped: 3\noptimiser: {rate: x}\n")
    with pytest.raises(InvalidInput) as caught:
        read_config(path)
    assert {fault.field for fault in caught.value.faults} == {"sped", "optimiser.rate", "name"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a list", "is not a mapping"),
        ("base: run.yaml", "stands on this file itself"),
        ("[" * 10_000, "is not YAML"),
    ],
)
def test_files_that_are_none(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=message):
        read_config(written(tmp_path, text))


def test_a_byte_order_mark(tmp_path: Path) -> None:
    plain = CONFIGS / "cape_r18.yaml"
    marked = written(tmp_path, "\ufeff" + plain.read_text("utf-8"))
    assert read_config(marked) == read_config(plain)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"absent.yaml: cannot be read"):
        read_config(tmp_path / "absent.yaml")


def test_what_is_written_is_read_again() -> None:
    for path in CONFIGS.glob("*.yaml"):
        config = read_config(path)
        text = yaml.safe_dump(to_mapping(config))
        assert decode(TrainingConfig, yaml.safe_load(text)) == config
