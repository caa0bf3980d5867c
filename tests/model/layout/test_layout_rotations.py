from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from cape_ros.model import KeypointTokens
from cape_ros.model.layout.layout import LANDMARKS, Layouts
from cape_ros.model.layout.rotations import (
    EIGHTHS,
    MAX_REPASSES,
    RotationHypothesis,
    judge,
    look_again,
    not_yet_turned,
)
from cape_ros.model.tokens import average_shots, stack_tokens
from cape_ros.perception.geometry import Crop

pytestmark = pytest.mark.numeric

GRID = 16
KEYPOINTS = 6


def tokens(batch: int = 1, keypoints: int = KEYPOINTS, seed: int = 0) -> KeypointTokens:
    generator = torch.Generator().manual_seed(seed)
    known = torch.ones(batch, keypoints, dtype=torch.bool)
    layouts = Layouts(
        torch.rand(batch, 1, keypoints, 2, generator=generator) * 0.5 + 0.25,
        known[:, None],
        torch.rand(batch, 1, LANDMARKS, 2, generator=generator),
        torch.randn(batch, 1, LANDMARKS, 8, generator=generator),
    )
    upright = KeypointTokens(torch.randn(batch, keypoints, 8, generator=generator), known, layouts)

    def marked(number: int) -> KeypointTokens:
        landmarks = layouts.landmarks + number
        return replace(
            upright,
            tokens=upright.tokens + number,
            layouts=replace(layouts, landmarks=landmarks),
        )

    return replace(upright, turned=tuple(marked(n) for n in range(1, EIGHTHS)))


def sure(points: Tensor) -> Tensor:
    """Evidence with a peak at each of the points [B, K, 2]."""
    cells = (points * GRID).long().clamp(0, GRID - 1)
    evidence = torch.zeros(*points.shape[:2], GRID * GRID)
    return evidence.scatter_(2, (cells[..., 1] * GRID + cells[..., 0]).unsqueeze(-1), 8.0).view(
        *points.shape[:2], GRID, GRID
    )


@pytest.mark.parametrize("eighth", range(EIGHTHS))
@pytest.mark.parametrize("scale", [0.7, 1.3])
def test_how_far_an_object_has_turned_is_read_from_its_layout(eighth: int, scale: float) -> None:
    """As `Crop` turns: what it shows turned counter-clockwise is counted so."""
    given = tokens()
    assert given.layouts
    upright = given.layouts.points[0, 0].numpy() * 256
    rotation = 360 / EIGHTHS * eighth + 15
    crop = Crop((128.0, 128.0), 256 / scale, rotation=rotation)
    points = torch.from_numpy(crop.to_crop(upright) / 256)[None]
    found = judge((points,), sure(points), points, given)
    assert found.eighth.tolist() == [eighth]


def test_a_crop_that_is_not_square() -> None:
    """Twice as wide as high: a turn is one of its pixels, not of its sides."""
    given = tokens()
    assert given.layouts
    size = np.array([2.0, 1.0])
    upright = (given.layouts.points[0, 0].numpy() - 0.5) * size
    turned = upright @ np.array([[0, -1], [1, 0]]) / size + 0.5  # counter-clockwise by 90
    points = torch.from_numpy(turned).float()[None]
    wide = torch.zeros(1, KEYPOINTS, GRID // 2, GRID)
    assert judge((points,), wide, points, given).eighth.tolist() == [2]


def test_one_keypoint_is_never_turned() -> None:
    given = tokens(keypoints=1)
    points = torch.tensor([[[0.9, 0.1]]])
    assert judge((points,), sure(points), points, given).eighth.tolist() == [0]


class Looks:
    """Answers that tell which tokens were looked for: 10 times the sample and its turn. The
    object of each sample is turned by `true` eighths, and every look sees that. blind: none of the
    turned ones is stronger."""

    def __init__(self, given: KeypointTokens, true: list[int], blind: bool = False) -> None:
        self._upright, self._true, self._blind = given, torch.tensor(true), blind
        self.count = 0

    def __call__(self, samples: Tensor | None, given: KeypointTokens) -> RotationHypothesis:
        self.count += 1
        if samples is None:
            samples = torch.arange(len(self._true))
        turn = (given.tokens - self._upright.tokens[samples])[:, 0, 0].round().long()
        assert given.layouts
        assert self._upright.layouts
        landmarks = given.layouts.landmarks - self._upright.layouts.landmarks[samples]
        assert torch.equal(landmarks[:, 0, 0, 0].round().long(), turn)
        right = turn == self._true[samples]
        strength = torch.where(right, 5.0, 1.0) if not self._blind else -1.0 * turn
        return RotationHypothesis(
            ((10 * samples + turn).unsqueeze(-1).float(),),
            strength.float(),
            self._true[samples],
        )


def test_only_what_has_turned_is_looked_at_again_and_the_stronger_look_wins() -> None:
    given = tokens(batch=4)
    looks = Looks(given, [0, 3, 0, 7])
    (answers,) = look_again(given, looks)
    assert answers[:, 0].tolist() == [0, 13, 20, 37]
    assert looks.count == 2


def test_a_weaker_second_look_changes_nothing() -> None:
    given = tokens(batch=2)
    (answers,) = look_again(given, Looks(given, [2, 5], blind=True))
    assert answers[:, 0].tolist() == [0, 10]


def test_without_turned_supports_there_is_one_look() -> None:
    given = replace(tokens(), turned=())
    looks = Looks(given, [4])
    look_again(given, looks)
    assert looks.count == 1


def test_the_number_of_looks_is_bounded() -> None:
    """Where every look sees another turn."""
    given, count = tokens(), 0

    def look(samples: Tensor | None, _: KeypointTokens) -> RotationHypothesis:
        nonlocal count
        count += 1
        return RotationHypothesis(
            (torch.zeros(1, 1),), torch.zeros(1), torch.tensor([count % EIGHTHS])
        )

    look_again(given, look)
    assert count == 1 + MAX_REPASSES


def test_of_rivals_only_the_most_promising_are_looked_at_again() -> None:
    """Seven of one category and two of another; all seem to have turned."""
    given, again = tokens(batch=9), []
    strength = torch.tensor([3.0, 9.0, 1.0, 8.0, 7.0, 2.0, 6.0, 0.5, 0.1])
    rivals = torch.tensor([0, 0, 0, 0, 0, 0, 0, 1, 1])

    def look(samples: Tensor | None, _: KeypointTokens) -> RotationHypothesis:
        if samples is None:
            return RotationHypothesis((strength.unsqueeze(-1),), strength, torch.full((9,), 3))
        again.extend(samples.tolist())
        stronger = strength[samples] + 1
        return RotationHypothesis(
            (stronger.unsqueeze(-1),), stronger, torch.full((len(samples),), 3)
        )

    (answers,) = look_again(given, look, rivals)
    assert again == [1, 3, 4, 6, 7, 8]
    assert answers[:, 0].tolist() == pytest.approx([3, 10, 1, 9, 8, 2, 7, 1.5, 1.1])


def test_shots_are_averaged_and_categories_stacked_turn_by_turn() -> None:
    one, other = tokens(seed=1), tokens(keypoints=3, seed=2)
    mean = average_shots([one, tokens(seed=3)])
    assert len(mean.turned) == EIGHTHS - 1
    torch.testing.assert_close(mean.turned[4].tokens, mean.tokens + 5)
    together = stack_tokens([one, other])
    picked = together.pick(torch.tensor([1, 0]), torch.tensor([2, 0]))
    torch.testing.assert_close(picked.tokens[0, :3], other.tokens[0] + 2)
    torch.testing.assert_close(picked.tokens[1], one.tokens[0])
    assert picked.mask.tolist() == [[True] * 3 + [False] * 3, [True] * 6]


def test_a_category_that_is_not_yet_turned_leaves_others_their_turns() -> None:
    one, fresh = tokens(seed=1), not_yet_turned(replace(tokens(keypoints=3, seed=2), turned=()))
    together = stack_tokens([one, fresh])
    for turn in range(EIGHTHS):
        picked = together.pick(torch.arange(2), torch.full((2,), turn))
        torch.testing.assert_close(picked.tokens[0], one.tokens[0] + turn)
        torch.testing.assert_close(picked.tokens[1, :3], fresh.tokens[0])
        assert picked.layouts
        assert fresh.layouts
        torch.testing.assert_close(picked.layouts.landmarks[1], fresh.layouts.landmarks[0])


def test_what_is_not_yet_turned_is_found_as_upright() -> None:
    """A second look with the same tokens is no stronger, and there is no third."""
    given = not_yet_turned(replace(tokens(batch=2), turned=()))
    looks = Looks(given, [3, 0])
    (answers,) = look_again(given, looks)
    assert answers[:, 0].tolist() == [0, 10]
    assert looks.count == 2


def test_a_turn_that_is_known_already_is_found() -> None:
    """Three of seven were seen by now; two samples have turned by one of them, and by another."""
    given = tokens(batch=2)
    later = not_yet_turned(replace(given, turned=()))
    given = replace(given, turned=(*given.turned[:3], *later.turned[3:]))
    (answers,) = look_again(given, Looks(given, [3, 5]))
    assert answers[:, 0].tolist() == [3, 10]


def test_without_votes_nothing_is_ever_turned() -> None:
    plain = replace(tokens(), layouts=None, turned=())
    assert not_yet_turned(plain).turned == ()


def test_same_category_in_several_places_shares_its_turns() -> None:
    one = tokens()
    three = stack_tokens([one, one, one])
    picked = three.pick(torch.arange(3), torch.tensor([0, 7, 3]))
    np.testing.assert_allclose((picked.tokens - one.tokens)[:, 0, 0].numpy(), [0, 7, 3], atol=1e-5)
    assert math.prod(three.turned[0].tokens.shape) == 3 * KEYPOINTS * 8
