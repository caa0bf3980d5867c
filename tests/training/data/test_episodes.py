from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from cape_ros.training.data.augment import SIZE, finish, view_of_instance
from cape_ros.training.data.episodes import EpisodeConfig, Episodes
from cape_ros.training.data.views import View
from cape_ros.training.data.warps import views_of_photograph
from cape_ros.training.train import HELD_OUT, NETWORK, training_data


@pytest.fixture(scope="module")
def episodes(data: Path, photographs: list[Path]) -> Episodes:
    return Episodes(
        training_data(data), photographs, EpisodeConfig(keypoints=4, warped=0.5), NETWORK
    )


def test_held_out_categories_are_never_drawn(data: Path) -> None:
    assert not set(training_data(data).categories.values()) & set(HELD_OUT)
    assert set(training_data(data, held_out=()).categories.values()) > set(HELD_OUT)


def test_the_same_seed_draws_the_same_step(episodes: Episodes) -> None:
    one, again, other = (episodes.draw(seed) for seed in ((1, 5), (1, 5), (1, 6)))
    assert torch.equal(one.batch.images, again.batch.images)
    assert torch.equal(one.stranger, again.stranger)
    assert not torch.equal(one.batch.images, other.batch.images)


def test_pairs_stay_in_their_episode_and_strangers_leave_it(episodes: Episodes) -> None:
    step = episodes.draw((0, 0))
    views = episodes.config.views
    assert len(step.support) == episodes.config.episodes * views * (views - 1)
    assert torch.equal(step.support // views, step.query // views)
    assert (step.support != step.query).all()
    assert len(step.stranger) == episodes.config.strangers
    assert (step.stranger // views != step.host // views).all()


def test_one_category_is_no_stranger_to_itself(data: Path, photographs: list[Path]) -> None:
    kites = training_data(data).only(["kite"])
    step = Episodes(kites, photographs, EpisodeConfig(keypoints=4, warped=0.0), NETWORK).draw(
        (0, 0)
    )
    assert len(step.stranger) == 0


def test_points_move_with_the_pixels_they_mark(data: Path, photographs: list[Path]) -> None:
    """The discs of the drawn objects lie under their keypoints in every view."""
    crosses = training_data(data).only(["cross"]).instances
    generator = np.random.default_rng(3)
    checked = 0
    for instance in crosses * 4:
        view = view_of_instance(instance, generator, flip=True, backgrounds=photographs)
        brightness = cv2.GaussianBlur(view.pixels.astype(np.float32).max(axis=2), (0, 0), 2)
        for point, visible in zip(view.points * SIZE, view.visible, strict=True):
            x, y = np.rint(point).astype(int)
            if visible and 8 < x < SIZE - 8 and 8 < y < SIZE - 8:
                assert brightness[y, x] > np.median(brightness)
                checked += 1
    assert checked > 30


def test_two_views_of_a_photograph_show_the_same_places(photographs: list[Path]) -> None:
    """What a homography moves is found where it says, turned and flipped or not."""
    marked = np.zeros((150, 200, 3), np.uint8)
    cv2.circle(marked, (90, 60), 6, (255, 255, 255), -1)
    matrix = np.array([[1.2, -0.3, 20], [0.2, 1.1, 5], [1e-4, 2e-4, 1]])
    generator = np.random.default_rng(0)
    for flip in (False, True):
        view: View = finish(
            marked, matrix, np.array([[90, 60]]), np.array([True]), generator, flip, None
        )
        bright = np.argwhere(view.pixels.sum(axis=2) > view.pixels.sum(axis=2).max() / 2)
        assert np.abs(bright.mean(axis=0)[::-1] - view.points[0] * SIZE).max() < 1.5
    views = views_of_photograph(photographs[0], generator, 3, 6)
    assert [len(view.points) for view in views] == [6, 6, 6]
    assert any(not np.allclose(views[0].points, view.points, atol=0.05) for view in views[1:])


def test_copying_the_layout_is_a_losing_strategy(episodes: Episodes) -> None:
    errors = []
    for number in range(6):
        step = episodes.draw((9, number))
        points, weight = step.batch.points, step.batch.weight
        both = (weight[step.support] * weight[step.query]).bool()
        away = (points[step.support] - points[step.query]).norm(dim=-1)
        errors.append(away[both])
    assert (torch.cat(errors) < 0.1).double().mean() < 0.4
