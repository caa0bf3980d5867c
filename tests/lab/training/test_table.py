from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import cape
from shipped_recipe import CONFIGS
from train_command import ON_CPU

from cape_ros.core.errors import InvalidInput
from cape_ros.lab.training.table import read_table

TABLES = CONFIGS.parent / "tables"
BRIEFLY = ("--set", "steps=1", "--set", "workers=0")
PUBLISHED = {
    "a1": [89.36, 89.45, 89.26, 89.03, 88.58],
    "a2": [89.45, 89.74, 89.08],
    "a3": [46.05, 84.23, 66.76, 59.18, None, 89.45],
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_tables_of_the_paper(name: str) -> None:
    table, rows = read_table(TABLES / f"{name}.yaml", [], Path("runs"))
    assert [row.config.paper for row in rows] == PUBLISHED[name]
    assert (table.measured.mp100, table.measured.shots) == (True, 1)
    (released,) = [row for row in rows if row.config.paper == 89.45]
    assert released.folder.path == Path("runs/mp100_split1_1shot"), "one run for all tables"
    built = [row for row in rows if row.run]
    assert len({row.folder.path for row in built}) == len(built)
    assert len({str(row.run) for row in built}) == len(built)


def test_what_is_not_built_is_marked(tmp_path: Path) -> None:
    _, rows = read_table(TABLES / "a3.yaml", [], tmp_path)
    assert [row.config.name for row in rows if row.run is None] == ["CATs++", "CATs++, fine-tuned"]
    models = [row.run.model for row in rows if row.run]
    assert models == ["protonet", "pomnet", "capeformer", "capeformer"]


def test_every_kind_of_episode_is_tried(tmp_path: Path) -> None:
    _, rows = read_table(TABLES / "episode_kinds.yaml", [], tmp_path)
    drawn = [row.run.episodes for row in rows]
    kinds = {episodes.kind_at((n + 0.5) / 100) for episodes in drawn for n in range(100)}
    assert kinds == {"annotated", "homography", "affine", "thin plate", "procedural"}


def test_rows_of_one_folder_are_refused(small: Path, tmp_path: Path) -> None:
    path = tmp_path / "twice.yaml"
    path.write_text(
        f"""
title: Twice
config: {small}
measured: {{pairs: 2}}
rows:
  - {{name: "one, two", settings: [seed=1]}}
  - {{name: "one two", settings: [seed=2]}}
"""
    )
    with pytest.raises(InvalidInput, match="mean the same folder: one, two, one two"):
        read_table(path, [], tmp_path)


def test_what_cannot_be_measured_is_refused_before_anything_is_trained(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["lab", "table", table, "--out", tmp_path, "--set", "measured.shots=1000", *ON_CPU]
    assert cape(*words) == 1
    assert "1000" in capsys.readouterr().err
    assert not list(tmp_path.glob("small*/"))


@pytest.fixture
def table(small: Path, tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(
        f"""
title: A small table
config: {small}
measured: {{pairs: 2}}
start: true
rows:
  - {{name: As it is, paper: 50.0}}
  - {{name: "POMNet, small", settings: [model=pomnet, objective.matching_weight=0]}}
  - {{name: Another, built: false}}
"""
    )
    return path


def test_rows_are_trained_measured_and_taken_as_they_are(
    table: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    words = ["lab", "table", table, "--out", tmp_path, *BRIEFLY, *ON_CPU]
    assert cape(*words) == 0
    assert "Another (not built)" in capsys.readouterr().out
    rows = json.loads((tmp_path / "small.json").read_text())["rows"]
    assert [row["row"] for row in rows] == ["As it is", "POMNet, small", "Another"]
    for row in rows[:2]:
        assert all(0 <= row[name] <= 100 for name in ("PCK@0.2", "mPCK", "start", "copy"))
        assert row["steps"] == 1
    assert rows[0]["gflops"] < rows[1]["gflops"]
    checkpoint = tmp_path / "small_pomnet_small" / "checkpoint.safetensors"
    before = checkpoint.stat().st_mtime_ns
    assert cape(*words) == 0
    assert checkpoint.stat().st_mtime_ns == before
    assert json.loads((tmp_path / "small.json").read_text())["rows"] == rows
    assert cape(*words, "--set", "steps=2") == 1
    assert "steps: is 2, but 1 in the run" in capsys.readouterr().err


def test_each_category_is_left_out_in_turn(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "out.yaml"
    path.write_text(f"{{title: Out, config: {small}, measured: {{pairs: 2}}, leave_one_out: true}}")
    words = ["lab", "table", path, "--out", tmp_path, *BRIEFLY, *ON_CPU]
    assert cape(*words) == 0
    rows = json.loads((tmp_path / "out.json").read_text())["rows"]
    assert [row["row"] for row in rows] == ["kite", "cross", "motorbike", "mouse_reach"]
    printed = capsys.readouterr().out
    mean = sum(row["PCK@0.2"] for row in rows) / len(rows)
    assert f"{mean:.1f}" in next(line for line in printed.splitlines() if "mean" in line)
    _, found = read_table(path, [], tmp_path)
    assert [row.run.data.held_out for row in found] == [(row["row"],) for row in rows]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("leave_one_out: true", "rows: give either rows or leave_one_out"),
        ("rows: [{name: a, setings: []}]", r"rows\[0\].setings: is not a field"),
        ("rows: [{name: a, settings: [model=x]}]", "model: 'x' is not one of"),
        ("measured: {shots: 0}", "measured.shots: 0 must be at least 1"),
    ],
)
def test_a_wrong_field_of_a_table_is_named(
    text: str, message: str, table: Path, tmp_path: Path
) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(f"base: small.yaml\n{text}\n")
    with pytest.raises(InvalidInput, match=message):
        read_table(path, [], tmp_path)
