"""Moving-least-squares refinement of a support-to-query transform.

Each keypoint's neighbours search around their places for what they match; an affine map fitted to
what they find, weighted by distance and by match, moves the keypoint.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from cape_ros.model.layout.votes import Matches, SimilarityTransforms, round_to_cells

NEIGHBOURS = 16  # voters that move a keypoint
FADE = 1e-3  # relative margin over the nearest voter left out, below which one loses weight
ROUNDS = 2
SEARCH_RADIUS = 3  # cells to each side
WINDOW = 2.0  # standard deviation of the distance at which a voter is believed, in cells
STIFFNESS = 0.3  # against rotation and stretching, in units of the object's side
INERTIA = 0.05  # against moving, in votes
LEAST = 1e-30  # chance; where there is none, a match stays in its cell and is not believed


@dataclass(frozen=True)
class Places:
    """The places where the transforms expect each keypoint.

    votes: [G, K, T]. places: [G, K, T, 2] in cells. variance: [G, K, T] with which the neighbours
    agree, in cells squared.
    """

    votes: Tensor
    places: Tensor
    variance: Tensor


def refine(matches: Matches, transforms: SimilarityTransforms) -> Places:
    """The transforms after `ROUNDS` of local search and fitting."""
    count, longest = matches.count, max(matches.maps.shape[-2:])
    heard, near = nearest(matches.weight, NEIGHBOURS)
    heard = heard.unsqueeze(2)  # [G, K, 1, N]
    layout = torch.arange(near.shape[0], device=near.device)[:, None, None]
    own = matches.points[:, :count, None]
    others = matches.points[layout, near]  # [G, K, N, 2]
    mapped, place = transforms.apply(others), transforms.apply(own)[..., 0, :]
    away = ((others - own) / (0.8 * longest)).unsqueeze(2)  # [G, K, 1, N, 2]
    pull, where = torch.zeros_like(place), mapped
    search = _LocalSearch(matches.probability, near)
    for _ in range(ROUNDS):
        matched, chance = search(where)
        weight = (heard * chance).unsqueeze(-1)  # [G, K, T, N, 1]
        total = weight.sum(dim=-2) + INERTIA
        moved = matched - mapped
        mean_move = (weight * moved).sum(dim=-2, keepdim=True) / total.unsqueeze(-2)
        mean_away = (weight * away).sum(dim=-2, keepdim=True) / total.unsqueeze(-2)
        slope = _slope(away - mean_away, moved - mean_move, weight, STIFFNESS * total)
        where = mapped + mean_move + (away - mean_away) @ slope
        pull = (mean_move - mean_away @ slope).squeeze(-2)
        variance = (weight * (matched - where).square()).sum(dim=(-2, -1)) / (2 * total[..., 0])
    return Places(transforms.votes, place + pull, variance)


def nearest(weight: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` largest weights along the last dimension, and their indices.

    Which of two equal ones is kept depends on rounding errors, and indices on how a batch is
    padded. So one loses its weight as it comes near the largest one left out: at a tie neither
    counts.
    """
    if weight.shape[-1] <= count:
        best = weight.topk(weight.shape[-1], dim=-1)
        return best.values, best.indices
    best = weight.topk(count + 1, dim=-1)
    kept, left_out = best.values[..., :-1], best.values[..., -1:]
    margin = (kept - left_out) / (FADE * left_out).clamp(min=1e-9)
    return kept * margin.clamp(min=0.0, max=1.0), best.indices[..., :-1]


class _LocalSearch:
    """The matched place of a voter near a given one: the mean of the cells around it, by match."""

    def __init__(self, probability: Tensor, voters: Tensor):
        """probability: [G, N, h, w]. voters: [G, K, M], which of the N are asked."""
        groups, count, height, width = probability.shape
        self._limits = width, height
        margin = SEARCH_RADIUS + 1
        self._margin, self._row = margin, width + 2 * margin
        padded = F.pad(probability, (margin,) * 4)
        self._cells = padded.flatten()
        groups_at = torch.arange(groups, device=voters.device)[:, None, None]
        self._map = ((groups_at * count + voters) * padded[0, 0].numel()).unsqueeze(2)
        steps = torch.arange(-SEARCH_RADIUS, SEARCH_RADIUS + 1, device=voters.device)
        rows, columns = torch.meshgrid(steps, steps, indexing="ij")
        self._steps = steps.float()
        # Times the chances around a place: their sum, and their sums times the steps.
        self._sums = (
            torch.stack((torch.ones_like(rows), columns, rows), dim=-1).float().flatten(0, 1)
        )
        self._around = (rows * self._row + columns).flatten()

    def __call__(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """places: [G, K, T, M, 2] -> the matches' places, and the probability of each."""
        x, y = places.unbind(dim=-1)
        places = torch.stack((x.clamp(-1, self._limits[0]), y.clamp(-1, self._limits[1])), dim=-1)
        cell = round_to_cells(
            places
        ).nan_to_num()  # a loss that is not finite is to be reported, not to crash
        column, row = (cell.long() + self._margin).unbind(dim=-1)
        at = (self._map + row * self._row + column).unsqueeze(-1) + self._around
        found = self._cells.index_select(0, at.flatten()).view_as(at)
        away = (cell - places).unsqueeze(-1) + self._steps
        across, down = torch.exp(away.square() / (-2 * WINDOW**2)).unbind(dim=-2)
        window = (down.unsqueeze(-1) * across.unsqueeze(-2)).flatten(-2)
        sums = (found * window) @ self._sums
        chance = sums[..., 0]
        return cell + sums[..., 1:] / chance.clamp(min=LEAST).unsqueeze(-1), chance


def _slope(away: Tensor, moved: Tensor, weight: Tensor, stiffness: Tensor) -> Tensor:
    """Weighted ridge regression of moved [..., N, 2] on away [..., N, 2]: [..., 2, 2]."""
    weighted = (weight * away).mT
    square, both = weighted @ away, weighted @ moved
    a, c = square[..., 0, 0] + stiffness[..., 0], square[..., 1, 1] + stiffness[..., 0]
    b = square[..., 0, 1]
    flat = torch.stack((c, -b, -b, a), dim=-1) / (a * c - b * b).unsqueeze(-1)
    inverse: Tensor = flat.unflatten(-1, (2, 2))
    return inverse @ both
