from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from cape_ros.lab.datasets.rendered.cache import RenderedCache
from cape_ros.lab.datasets.views import View
from cape_ros.lab.training.data import episode_sheet
from cape_ros.lab.training.data.episode_sheet import TILE, picture
from cape_ros.perception.drawing.overlay import keypoint_color


def test_a_sheet_is_written_and_repeats(
    data: Path, photographs: list[Path], tmp_path: Path
) -> None:
    pages = []
    for number, seed in enumerate((1, 1, 2)):
        out = tmp_path / f"{number}.png"
        episode_sheet.main(data, photographs[0].parent, out, seed)
        pages.append(cv2.imread(str(out)))
    assert np.array_equal(pages[0], pages[1])
    assert not np.array_equal(pages[0], pages[2])
    assert pages[0].shape[0] > 5 * TILE
    assert pages[0].shape[1] > 6 * TILE


def test_rendered_meshes_add_their_rows(
    data: Path, photographs: list[Path], rendered: RenderedCache, tmp_path: Path
) -> None:
    out = tmp_path / "sheet.png"
    episode_sheet.main(data, photographs[0].parent, out, rendered=rendered.folder)
    assert cv2.imread(str(out)).shape[0] > 7 * TILE


def test_visible_keypoints_are_discs_hidden_ones_rings_and_others_are_not_drawn() -> None:
    points = np.array([[0.25, 0.5], [0.75, 0.5], [1.2, 0.5], [np.nan, np.nan]], np.float32)
    visible = np.array([True, False, False, False])
    grey = np.full((256, 256, 3), 120, np.uint8)
    drawn = np.asarray(picture(View(grey, points, visible)))
    row, left, right = TILE // 2, TILE // 4, 3 * TILE // 4
    assert tuple(drawn[row, left]) == keypoint_color(0)
    assert tuple(drawn[row, right]) == (120, 120, 120)
    around = drawn[row - 12 : row + 12, right - 12 : right + 12]
    assert (around == keypoint_color(1)).all(axis=2).any()
    for colour in (keypoint_color(2), keypoint_color(3)):
        assert not (drawn == colour).all(axis=2).any()
