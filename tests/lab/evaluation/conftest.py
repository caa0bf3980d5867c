"""Small annotated data: one drawn object that only moves, and photographs seen from sides."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from cape_ros.lab.datasets.mp100 import Dataset, read
from cape_ros.media.photographs import photographs as shipped_photographs
from cape_ros.model import CapeFormer, CapeFormerConfig

OBJECTS = 7
SIDES = 3  # views of each photograph
Row = tuple[str, np.ndarray, Sequence[float], np.ndarray]  # category, image, box, points [K, 2]


def write(root: Path, rows: Sequence[Row]) -> Path:
    """images/ and annotations/val.json."""
    (root / "images").mkdir()
    (root / "annotations").mkdir()
    names = list(dict.fromkeys(row[0] for row in rows))
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for key, (name, pixels, box, points) in enumerate(rows):
        cv2.imwrite(str(root / "images" / f"{key}.png"), pixels[..., ::-1])
        height, width = pixels.shape[:2]
        flat = [value for point in points.tolist() for value in (*point, 2)]
        images.append({"id": key, "file_name": f"{key}.png", "width": width, "height": height})
        annotations.append(
            {
                "id": key,
                "image_id": key,
                "category_id": names.index(name) + 1,
                "bbox": list(box),
                "keypoints": flat,
            }
        )
    categories = [{"id": at + 1, "name": name} for at, name in enumerate(names)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (root / "annotations" / "val.json").write_text(json.dumps(content))
    return root


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven images of one category; the object is the same in all, only shifted."""
    rng = np.random.default_rng(0)
    patch = rng.integers(0, 256, (60, 60, 3), dtype=np.uint8)
    rows: list[Row] = []
    for key in range(OBJECTS):
        pixels = np.zeros((120, 160, 3), np.uint8)
        left, top = 10 + 10 * key, 5 + 8 * key
        pixels[top : top + 60, left : left + 60] = patch
        points = np.array([[left + 10, top + 10], [left + 45, top + 30]])
        rows.append(("patch", pixels, (left, top, 60, 60), points))
    return write(tmp_path_factory.mktemp("drawn"), rows)


@pytest.fixture(scope="session")
def dataset(folder: Path) -> Dataset:
    return read(folder / "annotations" / "val.json", folder / "images")


@pytest.fixture(scope="session")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's four photographs, each a category, rotated and on a grey ground with room."""
    rng = np.random.default_rng(1)
    rows: list[Row] = []
    for category in shipped_photographs():
        image, points = category.shots[0].image, category.shots[0].keypoints
        height, width = image.shape[:2]
        for side in range(SIDES):
            matrix = cv2.getRotationMatrix2D((width / 2, height / 2), 12.0 * (side - 1), 0.4)
            matrix[:, 2] += (220 - width / 2 - 60 * (side % 2), 170 - height / 2 + 10 * side)
            ground = rng.normal(128, 12, (340, 560, 3)).clip(0, 255).astype(np.uint8)
            pixels = cv2.warpAffine(
                image, matrix, (560, 340), dst=ground, borderMode=cv2.BORDER_TRANSPARENT
            )
            moved = points @ matrix[:, :2].T + matrix[:, 2]
            corner, size = moved.min(axis=0) - 20, np.ptp(moved, axis=0) + 40
            rows.append((category.name, pixels, (*corner.tolist(), *size.tolist()), moved))
    return write(tmp_path_factory.mktemp("photographs"), rows)


@pytest.fixture(scope="session")
def photograph_data(photographs: Path) -> Dataset:
    return read(photographs / "annotations" / "val.json", photographs / "images")


def tiny_net() -> CapeFormer:
    import torch

    torch.manual_seed(0)
    return CapeFormer(CapeFormerConfig("resnet18", 16, width=32, heads=4, feedforward=32)).eval()


@pytest.fixture(scope="session")
def net() -> CapeFormer:
    """Untrained and small."""
    return tiny_net()
