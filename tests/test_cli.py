"""What a person types, and what they get."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from cape_ros import cli
from cape_ros.core.images import write_image
from cape_ros.model.weights import SHIPPED


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    path = tmp_path / "coffee.png"
    cv2.imwrite(str(path), cv2.cvtColor(data.coffee(), cv2.COLOR_RGB2BGR))
    return path


@pytest.fixture
def keypoints(tmp_path: Path) -> Path:
    path = tmp_path / "coffee.json"
    marked = [("rim", 310, 120), ("handle", 430, 160), ("spoon", 110, 300), ("saucer", 330, 330)]
    path.write_text(
        json.dumps(
            {
                "name": "coffee",
                "keypoints": [{"name": n, "x": x, "y": y, "visible": True} for n, x, y in marked],
                "edges": [[0, 1]],
            }
        )
    )
    return path


def cape(*words: object) -> int:
    """The command's exit status."""
    sys.argv = ["cape", *map(str, words)]
    try:
        return cli.main()
    except SystemExit as stop:
        return int(stop.code or 0)


def test_register_list_and_estimate(
    photograph: Path, keypoints: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    library = tmp_path / "library"
    assert cape("register", photograph, "--keypoints", keypoints, "--library", library) == 0
    assert (
        cape("register", photograph, "--keypoints", keypoints, "--library", library, "--add") == 0
    )
    assert "version 2: 4 keypoints, 2 shots" in " ".join(capsys.readouterr().out.split())
    assert cape("list", "--library", library) == 0
    assert "coffee" in capsys.readouterr().out
    out = tmp_path / "found.png"
    words = ["estimate", photograph, "--category", "coffee", "--library", library, "--out", out]
    words += ["--panel", tmp_path / "panel.png"]
    assert cape(*words, "--box", "60,40,480,340", "--device", "cpu") == 0
    answer = json.loads(capsys.readouterr().out)
    assert [k["name"] for k in answer["keypoints"]] == ["rim", "handle", "spoon", "saucer"]
    found = np.array([(k["x"], k["y"]) for k in answer["keypoints"]])
    true = np.array([(310, 120), (430, 160), (110, 300), (330, 330)])
    assert np.median(np.linalg.norm(found - true, axis=1)) < 0.1 * 480
    assert cv2.imread(str(out)).shape == data.coffee().shape
    assert cv2.imread(str(tmp_path / "panel.png")).shape == (2 * 256, 4 * 256, 3)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["estimate", "absent.png", "--category", "cup"], "absent.png: no such file"),
        (["weights", "show", "nonsense"], "cape weights list"),
        (["weights", "fetch", "nonsense"], "split1-1shot"),
        (["list", "--library", "~nobody_of_that_name/x"], "--library"),
    ],
)
def test_what_is_wrong_comes_in_one_sentence(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cape(*words) == 1
    error = capsys.readouterr().err
    assert error.startswith("cape: ")
    assert message in error
    assert "Traceback" not in error


def test_half_a_photograph_is_not_registered(
    keypoints: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    half = tmp_path / "half.jpg"
    write_image(half, data.coffee())
    half.write_bytes(half.read_bytes()[:20_000])
    words = ["register", half, "--keypoints", keypoints, "--library", tmp_path / "library"]
    assert cape(*words) == 1
    assert "half.jpg: no whole JPEG or PNG image" in capsys.readouterr().err
    assert not list(tmp_path.glob("library/categories/*"))


def test_an_unknown_category_and_a_wrong_box(
    photograph: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cape("estimate", photograph, "--category", "cup", "--library", tmp_path / "l") == 1
    assert "cup" in capsys.readouterr().err


def test_a_wrong_command_line_is_another_exit_status() -> None:
    assert cape("estimate") == 2
    assert cape("--help") == 0


def test_weights_are_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert cape("weights", "list") == 0
    assert "split5-5shot" in capsys.readouterr().out
    assert cape("weights", "show") == 0
    assert "resnet18" in capsys.readouterr().out
    assert SHIPPED.stat().st_size < 25e6
