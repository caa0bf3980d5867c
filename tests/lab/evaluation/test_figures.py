from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from cape_ros.core.errors import SourceError
from cape_ros.lab.datasets.mp100 import Dataset
from cape_ros.lab.evaluation.figures import CAPTIONS, category_of, write_figures
from cape_ros.lab.evaluation.pictures import support_tile, titled
from cape_ros.model import CapeFormer
from cape_ros.model.scores import Calibration
from cape_ros.perception.estimator import Estimator
from cape_ros.perception.geometry import clean_box


@pytest.fixture
def estimator(net: CapeFormer) -> Estimator:
    return Estimator(net, Calibration(), "cpu")


def test_every_figure_has_a_row_for_each_category_and_a_caption(
    estimator: Estimator, photograph_data: Dataset, tmp_path: Path
) -> None:
    some = photograph_data.only(["coffee", "rocket"])
    paths = write_figures(estimator, some, tmp_path / "figures")
    assert [path.stem for path in paths] == list(CAPTIONS)
    for path in paths:
        pixels = cv2.imread(str(path))
        assert pixels.shape[0] > 2 * 256
        assert (pixels[-1] == 255).all()  # the caption's ground
        assert len(np.unique(pixels[-40:])) > 2  # and its letters


def test_an_object_becomes_a_category_with_the_same_box(photograph_data: Dataset) -> None:
    one = photograph_data.instances[0]
    category = category_of(one, "left/right face (3)")
    assert category.name == "left_right_face__3_"
    (shot,) = category.shots
    height, width = shot.image.shape[:2]
    assert clean_box(shot.box, width, height) == pytest.approx(one.box)
    assert np.allclose(shot.keypoints, one.keypoints)


def test_one_object_is_not_enough(estimator: Estimator, dataset: Dataset, tmp_path: Path) -> None:
    alone = Dataset(dataset.instances[:1], dataset.categories)
    with pytest.raises(SourceError, match="two objects"):
        write_figures(estimator, alone, tmp_path)


def test_a_caption_is_broken_into_lines(photograph_data: Dataset) -> None:
    tile = support_tile(photograph_data.instances[0])
    short, long = titled(tile, "word"), titled(tile, "word " * 60)
    assert short.shape[1] == long.shape[1] == tile.shape[1]
    assert long.shape[0] > short.shape[0] > tile.shape[0]
