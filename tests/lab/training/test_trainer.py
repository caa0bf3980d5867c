from __future__ import annotations

import json
import os
import resource
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from forks import Forks
from safetensors import safe_open
from shipped_recipe import LAYOUT
from train_command import PATIENCE, begun, cape_train, rows, wait_for_rows

from cape_ros.core.errors import CheckpointError, InvalidInput
from cape_ros.lab.baselines import models
from cape_ros.lab.training import plot, trainer
from cape_ros.lab.training.batches import Material
from cape_ros.lab.training.config_file import read_config
from cape_ros.lab.training.distributed import Team
from cape_ros.lab.training.run_folder import FORMAT, RunFolder, State, read_state
from cape_ros.lab.training.start import build
from cape_ros.model import checkpoints

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def whole(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing happened to."""
    run = tmp_path_factory.mktemp("runs") / "whole"
    assert cape_train(small, "--out", run) == 0
    return run


@pytest.fixture(autouse=True)
def no_picture(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes longer than a run of these; the first one has drawn its own."""
    monkeypatch.setattr(plot, "plot_log", lambda *_: None)


def test_a_run_leaves_a_log_a_picture_and_weights_that_load(whole: Path) -> None:
    logged = rows(whole)
    assert [int(row["step"]) for row in logged] == list(range(8))
    assert (whole / "curves.png").stat().st_size > 10_000
    net, facts = checkpoints.load(whole / "weights.safetensors")
    assert (facts["name"], facts["steps"]) == ("small", 8)
    assert facts["held_out"] == ["motorbike", "mouse_reach"]
    assert str(whole.parent) not in str(facts), "what is true on this machine stays here"
    tensors, _ = read_state(whole / "checkpoint.safetensors")
    name = "input_proj.weight"
    averaged, last = tensors[f"averaged.{name}"], tensors[f"net.{name}"]
    assert torch.allclose(net.state_dict()[name], averaged, atol=1e-3)
    assert not torch.equal(averaged, last)


def test_a_killed_run_goes_on_to_the_same_digits(
    whole: Path, small: Path, tmp_path: Path, forks: Forks
) -> None:
    run = tmp_path / "killed"
    with begun(forks, small, "--out", run) as process:
        wait_for_rows(run, 5, process)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)
    assert read_state(run / "checkpoint.safetensors")[1]["steps"] in (3, 6)
    half_written = run / ".checkpoint.safetensors.123"
    half_written.mkdir()
    (half_written / ".tmpAbCdEf").write_bytes(b"cut sh")  # as safetensors leaves it
    assert cape_train(small, "--resume", run, "--set", "workers=0") == 0
    assert not half_written.exists()
    assert rows(run) == rows(whole)
    assert rows(run, "validation.csv") == rows(whole, "validation.csv")
    one, other = (read_state(r / "checkpoint.safetensors")[0] for r in (run, whole))
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


def test_unseen_categories_are_measured_and_the_training_does_not_notice(
    whole: Path, small: Path, tmp_path: Path
) -> None:
    measured = rows(whole, "validation.csv")
    assert [row["step"] for row in measured] == ["1", "3", "5", "7"]
    assert {"PCK@0.05", "PCK@0.1", "PCK@0.2", "mPCK"} < measured[0].keys()
    assert all(0 <= float(row["PCK@0.2"]) <= 100 for row in measured)
    assert cape_train(small, "--out", tmp_path / "run", "--set", "validation=null") == 0
    assert rows(tmp_path / "run") == rows(whole)
    assert not (tmp_path / "run" / "validation.csv").exists()


def test_a_validation_with_votes(small: Path, tmp_path: Path) -> None:
    """Every support is seen from eight sides then."""
    words = [word for setting in (LAYOUT, "steps=2") for word in ("--set", setting)]
    assert cape_train(small, *words, "--out", tmp_path / "run") == 0
    (measured,) = rows(tmp_path / "run", "validation.csv")
    assert measured["step"] == "1"
    assert 0 <= float(measured["PCK@0.2"]) <= 100


def test_a_run_from_before_a_field_was_there_goes_on(
    whole: Path, small: Path, tmp_path: Path
) -> None:
    run = tmp_path / "old"
    shutil.copytree(whole, run)
    tensors, facts = read_state(run / "checkpoint.safetensors")
    del facts["config"]["model"]
    header = {"format": FORMAT, "facts": json.dumps(facts)}
    checkpoints.write(run / "checkpoint.safetensors", tensors, header)
    assert cape_train(small, "--resume", run) == 0


@pytest.mark.parametrize("model", ["protonet", "pomnet"])
def test_what_capeformer_is_compared_with_is_trained_alike(
    model: str, small_few_shot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, words = tmp_path / model, ["--set", "epochs=null", "--set", "steps=2"]
    assert cape_train(small_few_shot, *words, "--set", f"model={model}", "--out", run) == 0
    assert cape_train("--resume", run) == 0
    net, facts = models.load(run / "weights.safetensors")
    assert type(net) is models.MODELS[model]
    assert facts["steps"] == len(rows(run)) == 2
    assert cape_train(small_few_shot, *words, "--resume", run) == 1
    assert f"model: is capeformer, but {model} in the run" in capsys.readouterr().err
    start = f"start.weights={run / 'weights.safetensors'}"
    assert cape_train(small_few_shot, *words, "--set", start, "--out", tmp_path / "other") == 1
    assert f"weights of {model}; capeformer is needed here" in capsys.readouterr().err
    with pytest.raises(CheckpointError, match=f"weights of {model}; capeformer is needed"):
        checkpoints.load(run / "weights.safetensors")


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_saves_and_says_how_to_go_on(
    whole: Path, small: Path, tmp_path: Path, forks: Forks, sent: signal.Signals
) -> None:
    """And so do a polite end, which reaches the processes that prepare steps, too, and a terminal
    that is closed, as by a connection that breaks."""
    run = tmp_path / "interrupted"
    with begun(forks, small, "--out", run) as process:
        wait_for_rows(run, 2, process)
        os.killpg(process.pid, sent)
        _, printed = process.communicate(PATIENCE)
    assert process.returncode == 128 + sent
    assert f"go on with: cape lab train --resume {run}" in printed
    assert "Traceback" not in printed
    assert read_state(run / "checkpoint.safetensors")[1]["steps"] == len(rows(run)) < 8
    assert rows(run) == rows(whole)[: len(rows(run))]


def test_weights_are_those_of_the_checkpoint_also_after_a_kill(
    whole: Path, small: Path, tmp_path: Path
) -> None:
    """The end between the last checkpoint and its weights."""
    run = tmp_path / "killed"
    shutil.copytree(whole, run)
    (run / "weights.safetensors").unlink()
    assert cape_train("--resume", run) == 0
    assert checkpoints.load(run / "weights.safetensors")[1]["steps"] == 8


def test_an_image_that_breaks_the_validation_costs_no_step(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"

    def breaks(*_: object) -> None:
        raise InvalidInput.of("0.jpg", "breaks off in the middle")

    monkeypatch.setattr(trainer.Trainer, "validate", breaks)
    assert cape_train(small, "--out", run, "--set", "checkpoint_every=1000") == 1
    assert "breaks off in the middle" in capsys.readouterr().err
    assert read_state(run / "checkpoint.safetensors")[1]["steps"] == len(rows(run)) > 0


def test_dropout_and_trained_batch_norm_repeat_too(
    small_few_shot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    save = RunFolder.save

    def keeps_the_fourth(folder: RunFolder, state: State, *rest: object) -> None:
        save(folder, state, *rest)
        if state.steps == 4:
            shutil.copytree(one, other)

    monkeypatch.setattr(RunFolder, "save", keeps_the_fourth)
    assert cape_train(small_few_shot, "--out", one) == 0
    assert [float(row["rate"]) for row in rows(one)[:4]] == pytest.approx(
        [0.001, 0.25075, 0.5005, 0.75025]
    )
    assert cape_train("--resume", other) == 0, "without a configuration it takes the run's own"
    assert len(rows(one)) == 8
    assert rows(other) == rows(one)


def test_views_that_the_device_draws_repeat_too(small: Path, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    settings = "--set", "episodes.drawn_by=device", "--set", "steps=4", "--set", "validation=null"
    assert cape_train(small, "--out", one, *settings) == 0
    assert cape_train(small, "--out", other, *settings, "--set", "workers=0") == 0
    assert len(rows(one)) == 4
    assert rows(other) == rows(one)


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_the_last_checkpoint(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run, save = tmp_path / "full", RunFolder.save

    def fails_at_two(folder: RunFolder, state: State, *rest: object) -> None:
        with files_of_at_most(50_000 if state.steps == 2 else resource.RLIM_INFINITY):
            save(folder, state, *rest)

    monkeypatch.setattr(RunFolder, "save", fails_at_two)
    assert cape_train(small, "--out", run, "--set", "checkpoint_every=1") == 1
    assert "checkpoint.safetensors: cannot be written" in capsys.readouterr().err
    assert read_state(run / "checkpoint.safetensors")[1]["steps"] == 1
    assert [path.name for path in run.iterdir() if path.name.startswith(".")] == []


def test_a_loss_that_is_not_finite_keeps_its_step(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "bad"
    assert cape_train(small, "--out", run, "--set", "optimiser.rates.encoder=1e30") == 1
    error = capsys.readouterr().err
    step = len(rows(run))
    kept = run / f"step_{step}.safetensors"
    assert f"step {step}: " in error
    assert "proposal_loss, " in error
    assert "not finite" in error
    assert f"cape lab train --replay {kept}" in error
    assert read_state(run / "checkpoint.safetensors")[1]["steps"] == 0
    assert cape_train("--replay", kept) == 0
    printed = capsys.readouterr().out
    assert f"step {step}: " in printed
    assert "loss nan" in printed
    assert "inputs that are not finite: none" in printed
    assert "first output that is not finite: encoder." in printed


def test_a_training_that_blows_up_saves_nothing_that_is_not_finite(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "bad"
    rate = ("--set", "optimiser.rates.encoder=1e30", "--set", "checkpoint_every=1")
    assert cape_train(small, "--out", run, *rate) == 1
    error = capsys.readouterr().err
    assert "not finite" in error
    assert "Traceback" not in error
    assert f"--resume {run}" in error
    for path in run.glob("*.safetensors"):
        if not path.name.startswith("step_"):  # is kept to look at
            with safe_open(path, framework="pt") as file:
                assert [n for n in file.keys() if not file.get_tensor(n).isfinite().all()] == []  # noqa: SIM118


def test_a_start_after_a_kill_in_the_first_save_removes_what_that_left(
    small: Path, tmp_path: Path
) -> None:
    run = tmp_path / "killed"
    run.mkdir()
    left = [run / ".checkpoint.safetensors.123", run / ".start.safetensors.45", run / ".log.csv.6"]
    for path in left:
        path.write_bytes(b"cut sh")
    assert cape_train(small, "--out", run, "--set", "steps=1") == 0
    assert [path for path in left if path.exists()] == []


def test_a_gradient_that_is_not_finite_changes_nothing(small: Path) -> None:
    config = read_config(small)
    material = Material.of(config, Team())
    net = build(config, material)
    learner = trainer.Trainer(config, material, net, Team(), CPU)
    net.input_proj.weight.register_hook(lambda gradient: gradient * float("nan"))
    before = net.token_proj.weight.clone()
    with pytest.raises(trainer.NotFinite, match="gradient"):
        learner.step(material.draw(0))
    assert torch.equal(net.token_proj.weight, before)
    assert learner.state.steps == 0


def test_what_learns_and_what_does_not(small: Path) -> None:
    """Early layers wait, in the end every layer has moved but those of rate 0."""
    settings = [LAYOUT, "network.backbone=resnet18", "optimiser.early_layers_from=0.6", "steps=3"]
    config = read_config(small, [*settings, "optimiser.rates.proposals=0"])
    material = Material.of(config, Team())
    net = build(config, material)
    learner = trainer.Trainer(config, material, net, Team(), CPU)
    before = {name: value.clone() for name, value in net.named_parameters()}

    def same() -> set[str]:
        return {n for n, value in net.named_parameters() if torch.equal(value, before[n])}

    for number in range(2):
        learner.step(material.draw(number))
    early = {name for name in before if "layer3" not in name and name.startswith("backbone.")}
    never = {name for name in before if name.startswith("proposals.")}
    assert same() == early | never
    learner.step(material.draw(2))
    assert same() == never


@pytest.mark.parametrize("model", models.MODELS)
def test_training_learns(small: Path, model: str) -> None:
    rates = [f"optimiser.rates.{room}=2e-3" for room in ("encoder", "decoder", "backbone")]
    settings = [
        LAYOUT,
        "optimiser.rate=2e-3",
        "cosine.warm_up=0",
        "batch_norm=trained",
        f"model={model}",
    ]
    if model != "capeformer":
        settings += ["objective.matching_weight=0", "network.stride=32"]
    config = read_config(small, [*settings, *rates])
    material = Material.of(config, Team())
    learner = trainer.Trainer(config, material, build(config, material), Team(), CPU)
    step = material.draw(0)
    loss = [learner.step(step)["loss"] for _ in range(8)]
    assert loss[-1] < 0.8 * loss[0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "network.width=64"], "another architecture: network.width is 32 there and 64"),
        (["--set", "seed=2"], "goes on as it began: seed: is 2, but 1 in the run"),
        (["--set", "optimiser.weight_decay=0"], "optimiser.weight_decay: is 0.0, but 0.001"),
        (["--out", "elsewhere"], "--out"),
    ],
)
def test_a_run_goes_on_as_it_began(
    words: list[str], message: str, whole: Path, small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cape_train(small, "--resume", whole, *words) == 1
    assert message in capsys.readouterr().err


def test_what_cannot_begin(
    whole: Path, small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = ["--out", tmp_path / "new"]
    for words, message in (
        ([small, "--out", whole], f"holds a run; go on with --resume {whole}"),
        ([small, *new, "--data", tmp_path], "annotations"),
        ([small, *new, "--imagenet", "ResNet18_Weights.V0"], "neither a file nor weights"),
        ([small, *new, "--imagenet", small], "not mobilenet_v2 weights"),
        ([small, *new, "--set", "precision=float16"], "float16 needs a GPU"),
        (
            [small, *new, "--set", "data.held_out=[]"],
            "data.held_out: is empty, so there is nothing",
        ),
        ([small, *new, "--set", "validation.shots=4"], "shots: 4 need 5 objects, motorbike has 4"),
        ([small, *new, "--set", "data.held_out=[cat]"], "data.held_out: 'cat' is not one of"),
        (["--resume", tmp_path], "config.yaml: cannot be read"),
        ([], "CONFIG: is missing"),
        (["--replay", whole / "checkpoint.safetensors"], "not of the form 'cape_ros step/1'"),
    ):
        assert cape_train(*words) == 1
        assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "number", [0, 9]
)  # of a category that is trained on, and of a held-out one
def test_a_broken_image_is_named_and_the_run_goes_on_once_it_is_whole(
    number: int, data: Path, small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, own = tmp_path / "run", tmp_path / "data"
    shutil.copytree(data, own)
    image = own / "images" / f"{number}.png"
    whole = image.read_bytes()
    image.write_bytes(whole[: len(whole) // 2])
    settings = ("steps=4", "episodes.warped=0", "validation.pairs=12")
    words = [word for setting in settings for word in ("--set", setting)]
    assert cape_train(small, *words, "--data", own, "--out", run) == 1
    assert f"{image}: no whole JPEG or PNG image" in capsys.readouterr().err
    image.write_bytes(whole)
    assert cape_train("--resume", run) == 0
    assert len(rows(run)) == 4


def test_a_damaged_checkpoint_is_refused(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("config.yaml", "log.csv"):
        (tmp_path / name).write_bytes((whole / name).read_bytes())
    content = (whole / "checkpoint.safetensors").read_bytes()
    (tmp_path / "checkpoint.safetensors").write_bytes(content[:-100])
    assert cape_train("--resume", tmp_path) == 1
    assert "damaged or cut short" in capsys.readouterr().err
