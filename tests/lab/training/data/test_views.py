from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from shipped_recipe import NETWORK

from cape_ros.lab.datasets.mp100 import Instance
from cape_ros.lab.datasets.views import collate, render
from cape_ros.lab.training.data.augment import view_of_instance


@pytest.fixture
def cut_off(tmp_path: Path) -> Instance:
    """An object at the left border; of its keypoints, all flagged, two lie off the image, the
    second of them beyond every crop."""
    path = tmp_path / "image.png"
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 255, (90, 120, 3)).astype(np.uint8))
    points = np.array([[20, 40], [-6, 40], [-900, 40]], np.float32)
    return Instance(path, 1, (0.0, 20.0, 40.0, 40.0), points, np.ones(3, bool))


def test_a_keypoint_off_the_crop_is_not_asked_for(cut_off: Instance) -> None:
    batch = collate([render(cut_off)], NETWORK)
    assert batch.weight[0].tolist() == [1, 0, 0]
    assert batch.points.isfinite().all()
    assert not batch.heatmaps[0, 1:].any()


def test_nor_is_one_off_an_augmented_view(cut_off: Instance) -> None:
    for seed in range(20):
        view = view_of_instance(
            cut_off, np.random.default_rng(seed), False, [cut_off.image], (256, 256)
        )
        assert not view.visible[2]
        inside = (view.points[view.visible] >= 0) & (view.points[view.visible] < 1)
        assert inside.all()
