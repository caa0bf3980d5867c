"""The comparison of weights with the anchors, on a few drawn objects."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from cape_ros.evaluation import evaluate
from cape_ros.model import CapeFormer, CapeFormerConfig, checkpoints
from cape_ros.training.data.mp100 import Dataset, read

OBJECTS = 7


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven images of one category; the object is the same in all, only shifted."""
    root = tmp_path_factory.mktemp("data")
    (root / "images").mkdir()
    (root / "annotations").mkdir()
    rng = np.random.default_rng(0)
    patch = rng.integers(0, 256, (60, 60, 3), dtype=np.uint8)
    images, annotations = [], []
    for key in range(OBJECTS):
        pixels = np.zeros((120, 160, 3), np.uint8)
        left, top = 10 + 10 * key, 5 + 8 * key
        pixels[top : top + 60, left : left + 60] = patch
        cv2.imwrite(str(root / "images" / f"{key}.png"), pixels)
        points = [left + 10, top + 10, 2, left + 45, top + 30, 2]
        images.append({"id": key, "file_name": f"{key}.png", "width": 160, "height": 120})
        annotations.append(
            {
                "id": key,
                "image_id": key,
                "category_id": 1,
                "bbox": [left, top, 60, 60],
                "keypoints": points,
            }
        )
    categories = [{"id": 1, "name": "patch", "keypoints": ["a", "b"]}]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (root / "annotations" / "val.json").write_text(json.dumps(content))
    return root


@pytest.fixture(scope="module")
def dataset(folder: Path) -> Dataset:
    return read(folder / "annotations" / "val.json", folder / "images")


@pytest.mark.parametrize("shots", [1, 5])
def test_pairs_are_all_or_a_seeded_sample(dataset: Dataset, shots: int) -> None:
    pairs = evaluate.choose_pairs(dataset, 1, shots)
    assert pairs == evaluate.choose_pairs(dataset, 1, shots)
    assert len(pairs) == OBJECTS * (OBJECTS - 1)
    assert len({(pair[-2], pair[-1]) for pair in pairs}) == len(pairs)
    for pair in pairs:
        assert len(set(pair)) == shots + 1


def test_copying_is_right_where_the_object_never_turns(dataset: Dataset, folder: Path) -> None:
    torch.manual_seed(0)
    net = CapeFormer(CapeFormerConfig("resnet18", 16, width=32, heads=4, feedforward=32)).eval()
    results = evaluate.compare(dataset, net, imagenet=None, shots=(1,))
    assert set(results) == {"copy the support layout", "proposals alone", "weights"}
    copied = results["copy the support layout"]["1-shot"]["patch"]
    assert copied.pck[0.05] == 1
    assert copied.epe < 0.5
    assert results["weights"]["1-shot"]["patch"].epe > copied.epe


def test_the_table_and_the_file_hold_the_same_numbers(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    net = CapeFormer(CapeFormerConfig("resnet18", 16, width=32, heads=4, feedforward=32))
    checkpoints.save(tmp_path / "net.safetensors", net, {"name": "untrained"})
    evaluate.main([str(tmp_path / "net.safetensors"), str(folder), "--json", str(tmp_path / "o")])
    content = json.loads((tmp_path / "o").read_text())
    assert content["facts"]["name"] == "untrained"
    rows = content["results"]["copy the support layout"]["5-shot"]
    assert rows["mean"] == rows["patch"]
    assert f"{rows['mean']['mPCK']:.1f}" in capsys.readouterr().out
