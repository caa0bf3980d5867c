from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from shipped_recipe import HELD_OUT, NETWORK, training_data

from cape_ros.core.errors import InvalidInput
from cape_ros.lab.datasets.mp100 import Dataset
from cape_ros.lab.datasets.views import View
from cape_ros.lab.training.data.augment import finish, view_of_instance
from cape_ros.lab.training.data.episodes import KINDS, EpisodeConfig, Episodes, Kind
from cape_ros.lab.training.data.rendered import RenderedObjects
from cape_ros.lab.training.data.warps import views_of_photograph

SIZE = 256
ObjectsFor = Callable[[Kind], RenderedObjects | None]


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
        view = view_of_instance(
            instance, generator, flip=True, backgrounds=photographs, size=(SIZE, SIZE)
        )
        brightness = cv2.GaussianBlur(view.pixels.astype(np.float32).max(axis=2), (0, 0), 2)
        for point in view.points[view.visible] * SIZE:
            x, y = np.rint(point).astype(int)
            if 8 < x < SIZE - 8 and 8 < y < SIZE - 8:
                assert brightness[y, x] > np.median(brightness)
                checked += 1
    assert checked > 30


def test_two_views_of_a_photograph_show_the_same_places(photographs: list[Path]) -> None:
    """What a homography moves is found where it says, rotated and flipped or not."""
    marked = np.zeros((150, 200, 3), np.uint8)
    cv2.circle(marked, (90, 60), 6, (255, 255, 255), -1)
    matrix = np.array([[1.2, -0.3, 20], [0.2, 1.1, 5], [1e-4, 2e-4, 1]])
    generator = np.random.default_rng(0)
    for flip in (False, True):
        view: View = finish(
            marked,
            matrix,
            np.array([[90, 60]]),
            np.array([True]),
            generator,
            flip,
            (SIZE, SIZE),
            None,
        )
        bright = np.argwhere(view.pixels.sum(axis=2) > view.pixels.sum(axis=2).max() / 2)
        assert np.abs(bright.mean(axis=0)[::-1] - view.points[0] * SIZE).max() < 1.5
    views = views_of_photograph(photographs[0], generator, 3, 6, (SIZE, SIZE))
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


def test_kinds_are_drawn_by_their_shares() -> None:
    def shares(config: EpisodeConfig) -> dict[Kind, float]:
        drawn = Counter(config.kind_at((n + 0.5) / 1000) for n in range(1000))
        return {kind: drawn[kind] / 1000 for kind in drawn}

    assert shares(EpisodeConfig()) == {"homography": 0.3, "annotated": 0.7}
    mixed = EpisodeConfig(
        warped=0.4, affine=0.25, thin_plate=0.5, procedural=0.2, rendered=0.2, grouped=0.25
    )
    assert shares(mixed) == pytest.approx(
        {
            "annotated": 0.2,
            "rendered": 0.15,
            "rendered group": 0.05,
            "affine": 0.1,
            "homography": 0.1,
            "thin plate": 0.2,
            "procedural": 0.2,
        }
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"warped": 1.2},
        {"procedural": -0.1},
        {"warped": 0.6, "procedural": 0.6},
        {"warped": 0.6, "rendered": 0.6},
        {"grouped": 1.5},
        {"affine": 2.0},
        {"episodes": 0},
        {"views": 1},
        {"keypoints": 0},
        {"strangers": -1},
    ],
)
def test_episodes_that_cannot_be_are_refused(fields: dict[str, float]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(fields))):
        EpisodeConfig(**fields)  # type: ignore[arg-type]


def test_the_smallest_step_that_can_be(data: Path, photographs: list[Path]) -> None:
    config = EpisodeConfig(episodes=1, views=2, keypoints=1, strangers=0, procedural=0.5)
    smallest = Episodes(training_data(data), photographs, config, NETWORK)
    for number in range(4):
        step = smallest.draw((0, number))
        assert step.batch.points.shape == (2, 1, 2)
        assert (len(step.support), len(step.stranger)) == (2, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_drawn_again_from_its_seed(
    data: Path, photographs: list[Path], kind: Kind, objects_for: ObjectsFor
) -> None:
    config, objects = EpisodeConfig(keypoints=4), objects_for(kind)
    episodes = Episodes(training_data(data), photographs, config, NETWORK, objects)
    drawn = [episodes.episode(kind, np.random.default_rng(seed))[1] for seed in (1, 1, 2)]
    assert len(drawn[0]) == episodes.config.views
    assert drawn[0][2].pixels.tobytes() == drawn[1][2].pixels.tobytes()
    assert drawn[0][2].pixels.tobytes() != drawn[2][2].pixels.tobytes()
    assert len({len(view.points) for view in drawn[0]}) == 1
    assert len(drawn[0][0].points) <= episodes.config.keypoints


def test_steps_of_all_kinds_have_their_pairs_and_strangers(
    data: Path, photographs: list[Path], objects: RenderedObjects
) -> None:
    config = EpisodeConfig(
        warped=0.3, affine=0.3, thin_plate=0.3, procedural=0.2, rendered=0.4, grouped=0.5
    )
    mixed = Episodes(training_data(data), photographs, config, NETWORK, objects)
    for number in range(4):
        step = mixed.draw((0, number))
        assert step.batch.images.isfinite().all()
        assert step.batch.points.isfinite().all()
        assert len(step.stranger) == config.strangers


def test_a_category_of_too_few_objects_is_left_out_with_a_word(
    data: Path, photographs: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    whole = training_data(data)
    others = set(whole.of_category(0)[1:])
    kept = tuple(one for at, one in enumerate(whole.instances) if at not in others)
    lonely = Dataset(kept, whole.categories)
    config = EpisodeConfig(keypoints=4, warped=0.0)
    drawn = Episodes(lonely, photographs, config, NETWORK)
    assert "kite (1)" in caplog.text
    generator = np.random.default_rng(0)
    assert {drawn.episode("annotated", generator)[0] for _ in range(5)} == {1}
    with pytest.raises(InvalidInput, match="3 objects"):
        Episodes(lonely.only(["kite"]), photographs, config, NETWORK)
    Episodes(lonely.only(["kite"]), photographs, EpisodeConfig(warped=1.0), NETWORK).draw((0, 0))


def test_without_photographs_nothing_is_drawn(data: Path) -> None:
    with pytest.raises(InvalidInput, match="photographs"):
        Episodes(training_data(data), [], EpisodeConfig(), NETWORK)


@pytest.mark.parametrize("drawn_by", ["workers", "device"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(192, 192), (128, 192)])
def test_views_have_the_size_that_the_network_wants(
    data: Path,
    photographs: list[Path],
    size: tuple[int, int],
    kind: Kind,
    drawn_by: str,
    objects_for: ObjectsFor,
) -> None:
    """Height and width of the images, and a keypoint is inside exactly where it is visible."""
    only = {
        "annotated": {"warped": 0.0},
        "affine": {"warped": 1.0, "affine": 1.0},
        "homography": {"warped": 1.0},
        "thin plate": {"warped": 1.0, "thin_plate": 1.0},
        "procedural": {"warped": 0.0, "procedural": 1.0},
        "rendered": {"warped": 0.0, "rendered": 1.0},
        "rendered group": {"warped": 0.0, "rendered": 1.0, "grouped": 1.0},
    }[kind]
    config = EpisodeConfig(episodes=2, keypoints=4, strangers=0, drawn_by=drawn_by, **only)
    network = replace(NETWORK, image_size=size)
    objects = objects_for(kind)
    drawn = Episodes(training_data(data), photographs, config, network, objects)
    batch = drawn.draw((0, 0)).batch
    assert batch.images.shape[-2:] == size
    rows, columns = size
    shown = batch.points[batch.weight > 0] * torch.tensor([columns, rows])
    assert len(shown) > 4
    assert (shown >= 0).all()
    assert (shown <= torch.tensor([columns - 1, rows - 1])).all()
