from __future__ import annotations

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from cape_ros.core.errors import DeviceError, InvalidInput
from cape_ros.lab.benchmark import subjects
from cape_ros.lab.benchmark.clock import BenchmarkRow, Durations, interleave
from cape_ros.lab.benchmark.groups import groups, keypoints, objects, one_object, registration
from cape_ros.lab.benchmark.run import run_benchmark
from cape_ros.lab.benchmark.targets import figures
from cape_ros.model.layout.rotations import ANGLES
from cape_ros.perception.estimator import Estimator
from cape_ros.perception.inference.network import Network


def test_rows_are_interleaved_and_the_warm_up_does_not_count() -> None:
    called: list[str] = []
    rows = [BenchmarkRow(name, "", lambda name=name: called.append(name)) for name in ("a", "b")]
    seconds = list(interleave(rows, runs=3, warm_up=2))
    assert called == ["a", "b"] * 5
    assert len(seconds) == 3
    assert all((run >= 0).all() for run in seconds)


def test_what_is_written_says_what_it_is_of(tmp_path: Path) -> None:
    file = tmp_path / "here.json"
    run_benchmark("cpu", 2, ["precision, mobilenet_v2"], file)
    written = json.loads(file.read_text())
    assert written["machine"]["torch"]
    assert written["settings"]["runs"] == 2
    (group,) = written["groups"]
    single = group["rows"][0]
    assert single["name"] == "float32"
    assert "640x480" in single["includes"]
    assert single["processor"] > 0
    assert 0 < single["median"] <= single["p95"] <= single["p99"]
    assert single["ratios"] == {"float32": 1.0}
    assert group["memory [MB]"]["process"] > 100


def test_every_aim_is_of_rows_that_are_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A renamed row must not make an aim vanish."""
    for name in ("prepare", "register"):  # nothing is run here
        monkeypatch.setattr(Estimator, name, lambda *_: None)
    monkeypatch.setattr(subjects, "network", cache(subjects.network))
    made = {
        "one object, resnet50": one_object("resnet50", "cpu", "float32"),
        "one object, mobilenet_v2": one_object("mobilenet_v2", "cpu", "float32"),
        "keypoints, resnet50": keypoints("resnet50", "cpu", "float32"),
        "objects, resnet50": objects("resnet50", "cpu", "float32"),
        "registration, resnet50": registration("resnet50", "cpu", "float32"),
        "registration, shipped": registration("shipped", "cpu", "float32"),
    }
    assert made.keys() < dict(groups("cpu")).keys()
    once = Durations(1.0, 1.0, 1.0, 1.0, 1)
    found = {name: {row.name: once for row in group.rows} for name, group in made.items()}
    openvino = 3 if find_spec("openvino") else 0
    assert len(list(figures(found, on_gpu=False))) == 7 + openvino
    assert len(list(figures(found, on_gpu=True))) == 7


@pytest.mark.parametrize(("name", "rows"), [("resnet50", 2), ("shipped", 3)])
def test_rotated_supports_are_timed_apart(
    monkeypatch: pytest.MonkeyPatch, name: str, rows: int
) -> None:
    monkeypatch.setattr(Estimator, "prepare", lambda *_: None)
    calls: list[int] = []
    extract = Network.extract

    def counted(network: Network, images: torch.Tensor, support: bool = False) -> torch.Tensor:
        calls.append(len(images))
        return extract(network, images, support)

    monkeypatch.setattr(Network, "extract", counted)
    group = registration(name, "cpu", "float32")
    assert calls == []
    for _ in range(2):
        for row in group.rows:
            row.call()
    once = [1, 5] if name == "resnet50" else [1, 5, *[2, 2, 1] * len(ANGLES)]
    assert calls == once * 2
    assert len(group.rows) == rows


def test_what_cannot_be_measured_is_said_first(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="one object, resnet50"):
        run_benchmark("cpu", 1, ["everything"])
    with pytest.raises(InvalidInput, match="no folder"):
        run_benchmark("cpu", 1, ["precision"], tmp_path / "none" / "here.json")
    with pytest.raises(DeviceError, match="float16"):
        run_benchmark("cpu", 1, precision="float16")
    with pytest.raises(DeviceError, match="cuda:77"):
        run_benchmark("cuda:77", 1)
