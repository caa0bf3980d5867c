from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor

from cape_ros.model.layout import votes as vote_counting
from cape_ros.model.layout.deformation import nearest
from cape_ros.model.layout.layout import (
    LANDMARKS,
    MARGIN,
    Layouts,
    agreement,
    centres_of,
    features_at,
    place_landmarks,
)
from cape_ros.model.layout.votes import blocks_of, keep_best, round_to_cells
from cape_ros.model.proposals import local_argmax
from cape_ros.perception.geometry import support_heatmaps

pytestmark = pytest.mark.numeric

# A body with two equal wheels: the matching cannot tell one from the other.
POINTS = torch.tensor([[0.25, 0.7], [0.75, 0.7], [0.3, 0.3], [0.55, 0.25]])
WHEELS = (0, 1)
SIZE = 32


def mapped(rotation: float, scale: float, shift: tuple[float, float]) -> Tensor:
    """The support's points as a query may show them."""
    matrix = scale * torch.tensor(
        [[math.cos(rotation), -math.sin(rotation)], [math.sin(rotation), math.cos(rotation)]]
    )
    return (POINTS - 0.5) @ matrix.T + 0.5 + torch.tensor(shift)


def similarity(places: Tensor) -> Tensor:
    """Each keypoint matches its place, and each wheel the other one's a little better."""
    cells = (places * SIZE - 0.5).round().long()
    logits = torch.full((1, len(places), SIZE, SIZE), -10.0)
    for keypoint, (x, y) in enumerate(cells.tolist()):
        logits[0, keypoint, y, x] = 8.0
    for wheel, other in (WHEELS, WHEELS[::-1]):
        x, y = cells[other].tolist()
        logits[0, wheel, y, x] = 9.0
    return logits


def layouts(*points: Tensor, known: Tensor | None = None) -> Layouts:
    """Without landmarks."""
    stacked = torch.stack(points)[None]
    known = torch.ones(stacked.shape[:3], dtype=torch.bool) if known is None else known
    none = torch.zeros(1, len(points), 0, 2)
    return Layouts(stacked, known, none, none)


def votes_of(seen: Tensor, layouts: Layouts) -> Tensor:
    """Of the keypoints alone."""
    batch, shots = layouts.known.shape[:2]
    return agreement(seen, seen.new_zeros(batch, shots, 0, *seen.shape[-2:]), layouts)


@given(
    rotation=st.floats(0, 2 * math.pi),
    scale=st.floats(0.7, 1.3),
    shift=st.tuples(st.floats(-0.1, 0.1), st.floats(-0.1, 0.1)),
)
def test_the_others_tell_two_equal_parts_apart(
    rotation: float, scale: float, shift: tuple[float, float]
) -> None:
    places = mapped(rotation, scale, shift)
    assume(bool(((places > 0.02) & (places < 0.98)).all()))  # not rotated out of the image
    seen = similarity(places)
    mixed_up = local_argmax(seen)[0]
    assert (mixed_up[0] - places[1]).norm() < 0.05
    found = local_argmax(seen + votes_of(seen, layouts(POINTS)))[0]
    assert (found - places).norm(dim=-1).max() < 0.05


def test_one_known_point_lies_anywhere() -> None:
    known = torch.tensor([[[True, False, False, False]]])
    votes = votes_of(similarity(POINTS), layouts(POINTS, known=known))
    assert (votes == 0).all()


def test_a_keypoint_that_no_shot_shows_is_expected_everywhere() -> None:
    known = torch.tensor([[[True, True, True, False]]])
    votes = votes_of(similarity(POINTS), layouts(POINTS, known=known))
    assert votes[0, 3].abs().max() < 1e-4
    assert votes[0, :3].min() < -5


def test_the_shot_that_fits_is_heard() -> None:
    places = mapped(0.0, 1.0, (0.0, 0.0))
    stretched = (POINTS - 0.5) * torch.tensor([0.4, 1.4]) + 0.5  # seen from another side
    seen = similarity(places)
    found = local_argmax(seen + votes_of(seen, layouts(stretched, POINTS)))[0]
    assert (found - places).norm(dim=-1).max() < 0.05


def test_a_shot_that_shows_little_does_not_drown_one_that_shows_all() -> None:
    """Two points fit many transforms well; that says less than four that lie well in one."""
    places = mapped(2.0, 0.9, (0.05, 0.0))
    known = torch.tensor([[[True, True, False, False], [True, True, True, True]]])
    seen = similarity(places)
    found = local_argmax(seen + votes_of(seen, layouts(POINTS, POINTS, known=known)))[0]
    assert (found - places).norm(dim=-1).max() < 0.05


def test_a_batch_is_its_samples() -> None:
    """Categories with fewer keypoints and shots are padded, which must not move a vote."""
    small = layouts(POINTS[:3])
    large = layouts(POINTS, POINTS.flip(-1))
    seen = similarity(POINTS)
    alone = [votes_of(seen[:, :3], small), votes_of(seen, large)]
    together = votes_of(seen.expand(2, -1, -1, -1), Layouts.stack([small, large]))
    assert torch.allclose(together[0, :3], alone[0][0], atol=1e-4)
    assert torch.allclose(together[1], alone[1][0], atol=1e-4)


def noisy(values: Tensor, generator: torch.Generator) -> Tensor:
    """With errors of about two units in the last place, as another processor may make."""
    return values * (1 + 2e-7 * torch.randn(values.shape, generator=generator))


@pytest.mark.parametrize("landmarks", [False, True])
@pytest.mark.parametrize(
    "points",
    [
        POINTS[:3],  # transforms that are equally good
        torch.tensor([[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]]),
        torch.tensor([[0.2, 0.5], [0.5, 0.5], [0.8, 0.5]]),
        torch.tensor([[10.5, 12.5], [20.5, 12.5], [10.5, 24.5]]) / SIZE,  # between two cells
    ],
    ids=["triangle", "square", "line", "between cells"],
)
def test_rounding_errors_do_not_move_a_vote(points: Tensor, landmarks: bool) -> None:
    """Processors add up in different orders; ties must not be decided by that."""
    known = torch.ones(1, 1, len(points), dtype=torch.bool)
    places = place_landmarks(points[None], known[0])[:, : LANDMARKS if landmarks else 0]
    cells = (places[0] * SIZE - 0.5).round().long()
    around = torch.full((1, 1, len(cells), SIZE, SIZE), -10.0)
    around[0, 0, torch.arange(len(cells)), cells[:, 1], cells[:, 0]] = 8.0
    seen = similarity(points)
    none = torch.zeros(1, 1, len(cells), 2)

    def votes(generator: torch.Generator | None = None) -> Tensor:
        given = [seen, around, points[None, None], places[None]]
        if generator:
            given = [noisy(one, generator) for one in given]
        keypoints, marks, at, marks_at = given
        return agreement(keypoints, marks, Layouts(at, known, marks_at, none))

    expected = votes()
    generator = torch.Generator().manual_seed(0)
    for _ in range(10):
        assert (votes(generator) - expected).abs().max() < 1e-3


def test_a_tie_is_not_decided_by_rounding_errors() -> None:
    votes = torch.ones(20480)
    votes[[3, 900, 7000, 20000, 12345]] = 10.0
    votes[7] = 11.0
    _, expected = keep_best(votes, 4)
    assert expected[0] == 7
    generator = torch.Generator().manual_seed(0)
    for _ in range(50):
        kept, indices = keep_best(noisy(votes, generator), 4)
        assert set(indices.tolist()) == set(expected.tolist())
        assert torch.allclose(kept, votes[indices])


def test_a_neighbour_as_near_as_one_left_out_does_not_count() -> None:
    weight = torch.tensor([0.3, 0.1, 0.2, 0.2, 0.5])
    kept, indices = nearest(weight, 3)
    assert indices[:2].tolist() == [4, 0]
    assert torch.allclose(kept, torch.tensor([0.5, 0.3, 0.0]))
    assert torch.allclose(nearest(weight, 2)[0], torch.tensor([0.5, 0.3]))
    assert torch.allclose(nearest(weight, 5)[0], weight.sort(descending=True).values)


def test_points_between_cells_are_rounded_to_one_side() -> None:
    halves = torch.arange(-8.0, 8.0) + 0.5
    expected = (halves + 0.5).tolist()
    for error in (0.0, -1e-5, 1e-5):
        assert round_to_cells(halves + error).tolist() == expected


def test_votes_on_a_rectangular_grid() -> None:
    wide = torch.full((1, 4, 16, 40), -10.0)
    for keypoint, (x, y) in enumerate(POINTS.tolist()):
        wide[0, keypoint, int(y * 16), int(x * 40)] = 8.0
    votes = votes_of(wide, layouts(POINTS))
    assert votes.shape == wide.shape
    assert (local_argmax(wide + votes)[0] - POINTS).norm(dim=-1).max() < 0.05


@pytest.mark.parametrize("shape", [(32, 32), (18, 30), (8, 8)])
@pytest.mark.parametrize("seed", range(5))
def test_what_is_not_looked_into_holds_nothing_better(
    shape: tuple[int, int], seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks of shifts are ranked by a bound first; here all of them are looked into, too."""
    generator = torch.Generator().manual_seed(seed)
    places = mapped(seed, 0.8 + 0.1 * seed, (0.02 * seed, -0.03))
    x, y = (places.clamp(0.05, 0.95) * torch.tensor(shape[::-1])).long().unbind(dim=-1)
    seen = torch.randn(1, len(places), *shape, generator=generator)
    seen[0, torch.arange(len(places)), y, x] = 6.0
    votes = votes_of(seen, layouts(POINTS))
    monkeypatch.setattr(vote_counting, "BLOCKS", 80 * math.prod(blocks_of(*shape)))
    assert (votes_of(seen, layouts(POINTS)) - votes).abs().max() < 1e-3


def test_a_layout_lies_where_the_masks_do() -> None:
    points = np.array([[10.0, 20.0], [200.5, 130.25], [128.0, 128.0]])
    maps, _ = support_heatmaps(points, np.ones(3, bool), sigma=0.5, rounded=False)
    read = centres_of(torch.from_numpy(maps)[None])
    assert np.abs(read[0].numpy() * 256 - points).max() < 1.0


@given(rotation=st.floats(0, 2 * math.pi), ends=st.integers(1, 2))
def test_landmarks_lie_on_the_object(rotation: float, ends: int) -> None:
    """A long thing that lies across its crop: what is behind it must not vote."""
    tube = torch.tensor([[0.1, 0.5], [0.9, 0.5], [0.5, 0.9]]) - 0.5
    matrix = torch.tensor(
        [[math.cos(rotation), -math.sin(rotation)], [math.sin(rotation), math.cos(rotation)]]
    )
    points = (tube @ matrix.T + 0.5)[None]
    known = torch.tensor([[True, ends == 2, False]])
    landmarks = place_landmarks(points, known)[0]
    assert landmarks.shape == (LANDMARKS, 2)
    assert len(landmarks.unique(dim=0)) == LANDMARKS
    along, across = ((landmarks - 0.5) @ matrix).unbind(dim=-1)
    if ends == 2:
        assert across.abs().max() < MARGIN + 0.06
        assert along.max() - along.min() > 0.6
    else:
        assert (landmarks - points[0, 0]).norm(dim=-1).max() < 0.45


def test_landmarks_tell_where_a_lone_keypoint_is() -> None:
    """Two places match it; what lies around it is at one of them."""
    point = torch.tensor([[[0.5, 0.5]]])
    known = torch.ones(1, 1, dtype=torch.bool)
    places = place_landmarks(point, known)
    lone = Layouts(point[:, None], known[:, None], places[:, None], torch.zeros(1, 1, LANDMARKS, 8))
    seen = torch.full((1, 1, SIZE, SIZE), -10.0)
    seen[0, 0, 8, 8], seen[0, 0, 20, 20] = 9.0, 8.0
    around = torch.full((1, 1, LANDMARKS, SIZE, SIZE), -10.0)
    cells = ((places[0] - 0.5) * SIZE + 20).round().long()
    for landmark, (x, y) in enumerate(cells.tolist()):
        around[0, 0, landmark, y, x] = 8.0
    found = local_argmax(seen + agreement(seen, around, lone))[0, 0]
    assert (found * SIZE - 20.5).norm() < 1.0


def test_features_are_sampled_between_cells() -> None:
    ramp = torch.arange(8.0).expand(1, 1, 4, 8)  # a feature that grows by one from cell to cell
    points = torch.tensor([[[5.5 / 8, 0.5], [6.0 / 8, 0.5]]])
    assert torch.allclose(features_at(ramp, points), torch.tensor([[[5.0], [5.5]]]))
