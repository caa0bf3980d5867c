from __future__ import annotations

import numpy as np
import pytest

from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.drawing.overlay import keypoint_color
from cape_ros.perception.drawing.panel import draw_similarity, matching_panel, support_panel
from cape_ros.perception.estimator import Inspection

GREY = 90
POINTS = [[160.0, 240.0], [320.0, 240.0], [480.0, 240.0], [320.0, 120.0]]


@pytest.fixture
def arm() -> Category:
    image = np.full((480, 640, 3), GREY, np.uint8)
    names = ["left", "middle", "right", "top"]
    return Category("arm", names, [(0, 1), (1, 2)], [SupportShot(image, POINTS, [1, 1, 1, 0])])


def test_similarity_is_hot_where_it_is_high() -> None:
    crop = np.full((256, 256, 3), GREY, np.uint8)
    similarity = np.zeros((16, 16), np.float32)
    similarity[4, 12] = 9.0
    panel = draw_similarity(crop, similarity, np.array([40.0, 200.0]), "tip")
    assert panel.shape == crop.shape
    assert panel.dtype == np.uint8
    assert panel[72, 200].astype(int).sum() > panel[130, 130].astype(int).sum() + 100
    assert (panel[200, 40] == 255).all()
    assert (crop == GREY).all()
    draw_similarity(crop, np.zeros((8, 8)), np.array([1.0, 1.0]), "flat")


def test_the_support_panel_shows_the_visible_keypoints(arm: Category) -> None:
    panel = support_panel(arm)
    assert panel.shape == (384, 384, 3)
    colors = {tuple(color) for color in panel.reshape(-1, 3).tolist()}
    assert {keypoint_color(0), keypoint_color(1), keypoint_color(2)} <= colors
    assert keypoint_color(3) not in colors


def test_the_matching_panel_has_a_tile_for_support_answer_and_each_keypoint(arm: Category) -> None:
    crop = np.full((64, 64, 3), GREY, np.uint8)
    maps = np.random.default_rng(0).normal(size=(4, 4, 4)).astype(np.float32)
    points = np.full((4, 2), 32, np.float32)
    panel = matching_panel(arm, Inspection(crop, maps, maps, maps, points, points))
    assert panel.shape == (2 * 64, 4 * 64, 3)  # six tiles in rows of four, the rest black
    assert not panel[64:, 128:].any()
    assert (crop == GREY).all()
