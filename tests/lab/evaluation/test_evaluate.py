"""The comparison of weights with the anchors, on a few drawn objects."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from command_line import cape

from cape_ros.lab.baselines.protonet import ProtoNet
from cape_ros.lab.datasets.mp100 import Dataset
from cape_ros.lab.evaluation.evaluate import compare
from cape_ros.lab.evaluation.methods import COPY, NEAREST, PROPOSALS, WEIGHTS
from cape_ros.lab.evaluation.tables import left_out
from cape_ros.model import CapeFormer, CapeFormerConfig, checkpoints


@pytest.fixture(scope="module")
def weights(net: CapeFormer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "net.safetensors"
    checkpoints.save(path, net, {"name": "untrained"})
    return path


def test_copying_is_right_where_the_object_never_rotates(dataset: Dataset, net: CapeFormer) -> None:
    found = compare(dataset, net, {}, shots=(1,))
    assert found.methods == (COPY, PROPOSALS, WEIGHTS)
    (part,) = found.parts[1]
    copied = found.metrics(part, COPY)
    assert copied.pck[0.05] == 1
    assert copied.epe < 0.5
    assert found.metrics(part, WEIGHTS).epe > copied.epe
    assert found.curve(1, COPY, [0.0, 0.05]) == [0, 1]


def test_what_is_not_measured_is_said(dataset: Dataset, net: CapeFormer) -> None:
    sentences = left_out(compare(dataset, net, {}, shots=(1,), most_pairs=3))
    assert any(NEAREST in sentence and "--imagenet" in sentence for sentence in sentences)
    assert any("second category" in sentence for sentence in sentences)


def test_the_table_and_the_file_hold_the_same_numbers(
    folder: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "lab",
        "evaluate",
        weights,
        folder,
        "--shots",
        "5",
        "--pairs",
        6,
        "--json",
        tmp_path / "o",
    ]
    assert cape(*words) == 0
    content = json.loads((tmp_path / "o").read_text())
    assert content["facts"]["name"] == "untrained"
    rows = content["results"][COPY]["5-shot"]
    assert rows["mean"] == rows["patch"]
    assert set(content["scores"]["5-shot"]) == {"patch", "all"}
    assert content["pairs"]["5-shot"]["patch"] == 6
    assert f"{rows['mean']['mPCK']:.1f}" in capsys.readouterr().out


def test_what_it_is_compared_with_is_measured_by_the_same_command(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, network = tmp_path / "net.safetensors", CapeFormerConfig("resnet18", 16, width=32)
    checkpoints.save(path, ProtoNet(network), {"name": "other"})
    words = [
        "lab",
        "evaluate",
        path,
        folder,
        "--shots",
        "1",
        "--pairs",
        3,
        "--json",
        tmp_path / "o",
    ]
    assert cape(*words) == 0
    assert json.loads((tmp_path / "o").read_text())["facts"]["name"] == "other"
    assert cape("lab", "figures", path, folder, "--out", tmp_path) == 1
    assert "weights of protonet; capeformer is needed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--categories", "duck"], "duck: none of patch"),
        (["--shots", "one"], "--shots"),
        (["--shots", "0"], "--shots"),
        (["--shots", "7"], "patch has 7"),
        (["--annotations", "absent.json"], "absent.json"),
    ],
)
def test_what_is_wrong_comes_in_one_sentence(
    folder: Path,
    weights: Path,
    words: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cape("lab", "evaluate", weights, folder, *words) == 1
    assert message in capsys.readouterr().err


def test_missing_images_are_left_out_if_that_is_allowed(
    folder: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "data"
    shutil.copytree(folder, broken)
    next(iter(sorted((broken / "images").iterdir()))).unlink()
    words = ["lab", "evaluate", weights, broken, "--shots", "1", "--pairs", 2]
    assert cape(*words) == 1
    assert "does not exist" in capsys.readouterr().err
    assert cape(*words, "--allow-missing") == 0


def test_where_numbers_cannot_go_is_said_before_they_are_computed(
    folder: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cape("lab", "evaluate", weights, folder, "--json", tmp_path) == 1
    (tmp_path / "page").touch()
    assert cape("lab", "evaluate", weights, folder, "--report", tmp_path / "page") == 1
    printed = capsys.readouterr()
    assert "is a folder" in printed.err
    assert "is no folder" in printed.err
    assert "PCK" not in printed.out
