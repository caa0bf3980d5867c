"""Objects, pairs and numbers of the evaluation protocol, against the release's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cape_ros.core.errors import InvalidInput
from cape_ros.lab.datasets.mp100 import Dataset, read
from cape_ros.lab.evaluation.protocol import compared, evaluate, sample_pairs

pytestmark = pytest.mark.numeric


@pytest.fixture(scope="module")
def golden(shared: Path) -> dict[str, Any]:
    return json.loads((shared / "golden" / "protocol_golden.json").read_text())


@pytest.fixture(scope="module")
def dataset(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("images")
    annotations = shared / "golden" / "protocol_ann.json"
    for image in json.loads(annotations.read_text())["images"]:
        path = folder / image["file_name"]
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return read(annotations, folder)


def test_objects_are_those_of_the_release(dataset: Dataset, golden: dict[str, Any]) -> None:
    assert list(dataset.categories) == golden["valid_class_ids_order"]
    for category, objects in golden["cat2obj"].items():
        assert dataset.of_category(int(category)) == objects
    for found, expected in zip(dataset.instances, golden["db"], strict=True):
        assert found.image.name == expected["image"]
        assert found.category == expected["category_id"]
        assert found.box == pytest.approx(expected["clean_bbox"])


@pytest.mark.parametrize("shots", [1, 5])
def test_pairs_are_those_of_the_release(
    dataset: Dataset, golden: dict[str, Any], shots: int
) -> None:
    pairs = sample_pairs(dataset, shots, queries=6, episodes=4)
    assert pairs == [tuple(pair) for pair in golden[f"shots{shots}"]["paired_samples"]]


@pytest.mark.parametrize("shots", [1, 5])
def test_numbers_are_those_of_the_release(
    dataset: Dataset, golden: dict[str, Any], shared: Path, shots: int
) -> None:
    fill = _fill(shared)
    pairs = sample_pairs(dataset, shots, queries=6, episodes=4)
    predictions = []
    for index, pair in enumerate(pairs):
        query = dataset.instances[pair[-1]]
        noise = fill(f"pred:{index}", 200, golden["offset"]).reshape(100, 2)
        truth = np.where(query.visible[:, None], query.keypoints, 0)
        predictions.append(truth + 0.22 * query.extent * noise[: len(truth)])
    metrics = evaluate(dataset, pairs, predictions)
    expected = golden[f"shots{shots}"]["metrics"]
    for threshold, value in metrics.pck.items():
        assert value == pytest.approx(expected[f"PCK@{threshold}"], abs=1e-9)
    assert metrics.mpck == pytest.approx(expected["mPCK"], abs=1e-9)
    assert metrics.nme == pytest.approx(expected["NME"], rel=1e-5)
    assert metrics.auc == pytest.approx(expected["AUC"], abs=1e-9)
    assert metrics.epe == pytest.approx(expected["EPE"], rel=1e-5)


def _fill(shared: Path) -> Any:
    import importlib.util

    spec = importlib.util.spec_from_file_location("fill", shared / "golden" / "fill.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.hashpm


def coco(folder: Path, **changes: Any) -> Path:
    """A file with two categories of the same name; one of them names no keypoints."""
    content = {
        "images": [
            {"id": 2**31 + i, "file_name": f"{i}.png", "width": 50, "height": 40} for i in (0, 1)
        ],
        "annotations": [
            {
                "id": i,
                "image_id": 2**31 + i,
                "category_id": 2**31 + i,
                "bbox": [5, 5, 21, 31],
                "keypoints": [10, 10, 1, 20, 30, 2, 0, 0, 0],
            }
            for i in (0, 1)
        ],
        "categories": [
            {"id": 2**31, "name": "face", "keypoints": []},
            {"id": 2**31 + 1, "name": "face", "keypoints": ["a", "b", "c"]},
        ],
    } | changes
    for i in (0, 1):
        (folder / f"{i}.png").touch()
    path = folder / "annotations.json"
    path.write_text(json.dumps(content))
    return path


def test_categories_are_told_apart_by_id_and_k_is_the_annotation_s(tmp_path: Path) -> None:
    dataset = read(coco(tmp_path), tmp_path)
    assert list(dataset.categories) == [2**31, 2**31 + 1]
    assert [len(dataset.of_category(key)) for key in dataset.categories] == [1, 1]
    assert dataset.instances[0].visible.tolist() == [True, True, False]
    assert dataset.instances[0].extent == 30


def test_a_missing_image_is_named(tmp_path: Path) -> None:
    path = coco(tmp_path)
    (tmp_path / "1.png").unlink()
    with pytest.raises(InvalidInput, match=r"1\.png does not exist"):
        read(path, tmp_path)


def test_a_file_that_is_no_annotation_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"images": []}')
    with pytest.raises(InvalidInput, match="not a COCO-like file"):
        read(path, tmp_path)


def test_a_pair_without_a_common_point_counts_nothing(tmp_path: Path) -> None:
    dataset = read(coco(tmp_path), tmp_path)
    one = dataset.instances[0]
    blind = type(one)(one.image, one.category, one.box, one.keypoints, ~one.visible)
    dataset = Dataset((one, blind), dataset.categories)
    assert not compared(dataset, (1, 0)).any()
    metrics = evaluate(dataset, [(0, 0), (1, 0)], [one.keypoints, one.keypoints])
    assert metrics.pck[0.2] == 0.5
