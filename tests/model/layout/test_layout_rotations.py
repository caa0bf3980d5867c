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
    best_of_passes,
    judge,
    not_yet_rotated,
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

    return replace(upright, rotated=tuple(marked(n) for n in range(1, EIGHTHS)))


def sure(points: Tensor) -> Tensor:
    """Evidence with a peak at each of the points [B, K, 2]."""
    cells = (points * GRID).long().clamp(0, GRID - 1)
    evidence = torch.zeros(*points.shape[:2], GRID * GRID)
    return evidence.scatter_(2, (cells[..., 1] * GRID + cells[..., 0]).unsqueeze(-1), 8.0).view(
        *points.shape[:2], GRID, GRID
    )


@pytest.mark.parametrize("eighth", range(EIGHTHS))
@pytest.mark.parametrize("scale", [0.7, 1.3])
def test_the_rotation_of_an_object_is_read_from_its_layout(eighth: int, scale: float) -> None:
    """As in `Crop`: counter-clockwise is positive."""
    given = tokens()
    assert given.layouts
    upright = given.layouts.points[0, 0].numpy() * 256
    rotation = 360 / EIGHTHS * eighth + 15
    crop = Crop((128.0, 128.0), 256 / scale, rotation=rotation)
    points = torch.from_numpy(crop.to_crop(upright) / 256)[None]
    found = judge((points,), sure(points), points, given)
    assert found.eighth.tolist() == [eighth]


def test_a_crop_that_is_not_square() -> None:
    """Twice as wide as high: it is pixels that are rotated, not parts of the sides."""
    given = tokens()
    assert given.layouts
    size = np.array([2.0, 1.0])
    upright = (given.layouts.points[0, 0].numpy() - 0.5) * size
    rotated = upright @ np.array([[0, -1], [1, 0]]) / size + 0.5  # counter-clockwise by 90
    points = torch.from_numpy(rotated).float()[None]
    wide = torch.zeros(1, KEYPOINTS, GRID // 2, GRID)
    assert judge((points,), wide, points, given).eighth.tolist() == [2]


def test_one_keypoint_is_never_rotated() -> None:
    given = tokens(keypoints=1)
    points = torch.tensor([[[0.9, 0.1]]])
    assert judge((points,), sure(points), points, given).eighth.tolist() == [0]


class Passes:
    """Answers that name the tokens of the pass: 10 times the sample plus the orientation. The
    object of each sample is rotated by `true` eighths, and every pass sees that. blind: no rotated
    support is stronger."""

    def __init__(self, given: KeypointTokens, true: list[int], blind: bool = False) -> None:
        self._upright, self._true, self._blind = given, torch.tensor(true), blind
        self.count = 0

    def __call__(self, samples: Tensor | None, given: KeypointTokens) -> RotationHypothesis:
        self.count += 1
        if samples is None:
            samples = torch.arange(len(self._true))
        shown = (given.tokens - self._upright.tokens[samples])[:, 0, 0].round().long()
        assert given.layouts
        assert self._upright.layouts
        landmarks = given.layouts.landmarks - self._upright.layouts.landmarks[samples]
        assert torch.equal(landmarks[:, 0, 0, 0].round().long(), shown)
        right = shown == self._true[samples]
        strength = torch.where(right, 5.0, 1.0) if not self._blind else -1.0 * shown
        return RotationHypothesis(
            ((10 * samples + shown).unsqueeze(-1).float(),),
            strength.float(),
            self._true[samples],
        )


def test_only_rotated_objects_get_a_second_pass_and_the_stronger_pass_wins() -> None:
    given = tokens(batch=4)
    passes = Passes(given, [0, 3, 0, 7])
    (answers,) = best_of_passes(given, passes)
    assert answers[:, 0].tolist() == [0, 13, 20, 37]
    assert passes.count == 2


def test_a_weaker_second_pass_changes_nothing() -> None:
    given = tokens(batch=2)
    (answers,) = best_of_passes(given, Passes(given, [2, 5], blind=True))
    assert answers[:, 0].tolist() == [0, 10]


def test_without_rotated_supports_there_is_one_pass() -> None:
    given = replace(tokens(), rotated=())
    passes = Passes(given, [4])
    best_of_passes(given, passes)
    assert passes.count == 1


def test_the_number_of_passes_is_bounded() -> None:
    """Where every pass sees another rotation."""
    given, count = tokens(), 0

    def forward(samples: Tensor | None, _: KeypointTokens) -> RotationHypothesis:
        nonlocal count
        count += 1
        return RotationHypothesis(
            (torch.zeros(1, 1),), torch.zeros(1), torch.tensor([count % EIGHTHS])
        )

    best_of_passes(given, forward)
    assert count == 1 + MAX_REPASSES


def test_shots_are_averaged_and_categories_stacked_by_orientation() -> None:
    one, other = tokens(seed=1), tokens(keypoints=3, seed=2)
    mean = average_shots([one, tokens(seed=3)])
    assert len(mean.rotated) == EIGHTHS - 1
    torch.testing.assert_close(mean.rotated[4].tokens, mean.tokens + 5)
    together = stack_tokens([one, other])
    picked = together.pick(torch.tensor([1, 0]), torch.tensor([2, 0]))
    torch.testing.assert_close(picked.tokens[0, :3], other.tokens[0] + 2)
    torch.testing.assert_close(picked.tokens[1], one.tokens[0])
    assert picked.mask.tolist() == [[True] * 3 + [False] * 3, [True] * 6]


def test_a_category_that_is_not_yet_rotated_leaves_others_their_orientations() -> None:
    one, fresh = tokens(seed=1), not_yet_rotated(replace(tokens(keypoints=3, seed=2), rotated=()))
    together = stack_tokens([one, fresh])
    for eighth in range(EIGHTHS):
        picked = together.pick(torch.arange(2), torch.full((2,), eighth))
        torch.testing.assert_close(picked.tokens[0], one.tokens[0] + eighth)
        torch.testing.assert_close(picked.tokens[1, :3], fresh.tokens[0])
        assert picked.layouts
        assert fresh.layouts
        torch.testing.assert_close(picked.layouts.landmarks[1], fresh.layouts.landmarks[0])


def test_what_is_not_yet_rotated_is_found_as_upright() -> None:
    """A second pass with the same tokens is no stronger, and there is no third."""
    given = not_yet_rotated(replace(tokens(batch=2), rotated=()))
    passes = Passes(given, [3, 0])
    (answers,) = best_of_passes(given, passes)
    assert answers[:, 0].tolist() == [0, 10]
    assert passes.count == 2


def test_an_orientation_that_is_encoded_already_is_found() -> None:
    """Three of seven are encoded by now; one sample is rotated by one of them, the other not."""
    given = tokens(batch=2)
    later = not_yet_rotated(replace(given, rotated=()))
    given = replace(given, rotated=(*given.rotated[:3], *later.rotated[3:]))
    (answers,) = best_of_passes(given, Passes(given, [3, 5]))
    assert answers[:, 0].tolist() == [3, 10]


def test_without_votes_nothing_is_ever_rotated() -> None:
    plain = replace(tokens(), layouts=None, rotated=())
    assert not_yet_rotated(plain).rotated == ()


def test_same_category_in_several_places_shares_its_orientations() -> None:
    one = tokens()
    three = stack_tokens([one, one, one])
    picked = three.pick(torch.arange(3), torch.tensor([0, 7, 3]))
    np.testing.assert_allclose((picked.tokens - one.tokens)[:, 0, 0].numpy(), [0, 7, 3], atol=1e-5)
    assert math.prod(three.rotated[0].tokens.shape) == 3 * KEYPOINTS * 8
