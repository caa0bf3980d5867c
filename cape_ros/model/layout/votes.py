"""Generalised Hough transform: every rotation, scale and shift of a support is tried on the
similarity maps of its keypoints and landmarks; the transform with the best total similarity wins.
By branch and bound: shifts are counted in blocks first, and only the best blocks one by one.

Each keypoint votes for itself, and its neighbours count most: parts may move on their own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, cached_property

import torch
from torch import Tensor
from torch.nn import functional as F

ROTATIONS = 16
SCALES = (0.7, 0.84, 1.0, 1.2, 1.4)
STRIDE = 2  # cells between the shifts that are tried
BEST = 4  # transforms that are kept, per keypoint
BLOCK = 2 * STRIDE  # cells down and across whose shifts are counted together first
BLOCKS = 32  # of them that are counted one by one, per keypoint: the best four are hardly elsewhere
REACH = 2.0  # standard deviation of a keypoint around its place in a transform, in cells
FLOOR = 0.01  # chance that a keypoint obeys no layout
TEMPERATURE = 2.0  # of the similarity: it is surer of itself than it should be
NEIGHBOURHOOD = 0.375  # how far a keypoint listens, as a part of the grid's longer side
TIE = 1e-4  # relative difference below which votes are as good as each other
GOLDEN_RATIO = 0.6180339887498949
NUDGE = 1e-3  # cells: marked pixels often lie midway between two cells, so rounding flips beside it


@dataclass(frozen=True)
class Matches:
    """A layout and what each of its voters finds in the query.

    maps: [G, N, h, w], similarity logits of the voters, the keypoints first. points: [G, N, 2], in
    cells from the middle of the support. known: [G, N] bool. count: of the keypoints.
    """

    maps: Tensor
    points: Tensor
    known: Tensor
    count: int

    @staticmethod
    def votes(maps: Tensor) -> int:
        """The number of votes that one layout counts at once."""
        voters, height, width = maps.shape[1:]
        return voters * ROTATIONS * len(SCALES) * math.prod(blocks_of(height, width))

    @cached_property
    def probability(self) -> Tensor:
        """The probability of each cell, [G, N, h, w]."""
        return (self.maps.flatten(2) / TEMPERATURE).softmax(dim=-1).view_as(self.maps)

    @cached_property
    def weight(self) -> Tensor:
        """The weight of each voter for each keypoint, [G, K, N].

        As many votes in all as there are known keypoints, so that a shot that shows little is not
        loud; about half of them the landmarks'. 0 for a keypoint without others.
        """
        away = torch.cdist(self.points[:, : self.count], self.points)
        reach = NEIGHBOURHOOD * max(self.maps.shape[-2:])
        weight = torch.exp(-away.square() / (2 * reach**2)) * self.known.unsqueeze(1)
        heard = self.known[:, : self.count].sum(dim=1)
        if landmarks := self.points.shape[1] - self.count:
            share = torch.ones_like(weight[:, 0])
            share[:, self.count :] = heard.unsqueeze(1) / landmarks
            weight = weight * share.unsqueeze(1)
        heard = heard * (self.known.sum(dim=1) > 1)
        return weight * heard[:, None, None] / weight.sum(dim=-1, keepdim=True).clamp(min=1e-6)


@dataclass(frozen=True)
class SimilarityTransforms:
    """For each keypoint the best transforms of its layout: votes [G, K, T], matrices
    [G, K, T, 2, 2] and shifts [G, K, T, 2], in cells. A point p, relative to the
    support's middle, is mapped to matrix p + shift.
    """

    votes: Tensor
    matrices: Tensor
    shifts: Tensor

    def apply(self, points: Tensor) -> Tensor:
        """Points [G, K, N, 2] of the support, those that matter to each keypoint, mapped by each
        of its transforms: [G, K, T, N, 2]."""
        return points.unsqueeze(2) @ self.matrices.mT + self.shifts.unsqueeze(-2)


@cache
def transforms(device: torch.device) -> Tensor:
    """All rotations and scales of a layout: [M, 2, 2]."""
    angle = torch.arange(ROTATIONS, device=device) * (2 * math.pi / ROTATIONS)
    rotation = torch.stack((angle.cos(), -angle.sin(), angle.sin(), angle.cos()), dim=-1)
    scales = torch.tensor(SCALES, device=device)
    return (scales[:, None, None] * rotation).view(-1, 2, 2)


def keep_best(votes: Tensor, count: int, index: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The `count` largest along the last dimension: values >= 0, and where they are.

    A processor's vector width decides how sums are rounded, and so which of two equal values is
    the larger. The answer must not depend on it: among values that differ by less than a part
    `TIE` of them, a sequence that is spread evenly over the `index` (default: the place) decides.
    """
    preference = spread_evenly(votes.shape[-1], votes.device) if index is None else _spread(index)
    places = (votes * (1 + TIE * preference)).topk(count, dim=-1).indices
    return votes.gather(-1, places), places


def _spread(index: Tensor) -> Tensor:
    """A number in [0, 1) for each index."""
    return (GOLDEN_RATIO * index.double()).frac().float()


@cache
def spread_evenly(count: int, device: torch.device) -> Tensor:
    """`count` numbers in [0, 1)."""
    return _spread(torch.arange(count, device=device))


def round_to_cells(places: Tensor) -> Tensor:
    """Rounds to whole cells; a place midway between two goes to the same one on every processor."""
    return (places + NUDGE).round()


def blocks_of(height: int, width: int) -> tuple[int, int]:
    """How many blocks of shifts there are down and across a grid."""
    return math.ceil(height / BLOCK), math.ceil(width / BLOCK)


def best_transforms(matches: Matches) -> SimilarityTransforms:
    """The transforms with the most votes; -inf votes for a keypoint that is unknown or alone."""
    height, width = matches.maps.shape[-2:]
    votes, transform, row, column = _votes(matches)
    down, across = math.ceil(height / STRIDE), math.ceil(width / STRIDE)
    index = (transform * down + row // STRIDE) * across + column // STRIDE
    best, at = keep_best(votes, BEST, index)
    placed = matches.known[:, : matches.count] & (matches.weight.sum(dim=-1) > 0)
    return SimilarityTransforms(
        best.masked_fill(~placed.unsqueeze(-1), -torch.inf),
        transforms(votes.device)[transform.gather(-1, at)],
        torch.stack((column.gather(-1, at), row.gather(-1, at)), dim=-1).float(),
    )


def _votes(matches: Matches) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Votes for each keypoint's most promising transforms, rows and columns, each [G, K, C].

    What a voter sees best in a block of shifts bounds its votes there from above. Only the blocks
    with the highest bounds are looked into.
    """
    height, width = matches.maps.shape[-2:]
    device, reach = matches.maps.device, BLOCK - STRIDE
    support = _support(matches.probability)
    # Beside the image lies as much again that supports nothing: no shifted point falls off.
    seen = F.pad(support, (width, width + reach, height, height + reach))
    most = F.pad(
        _best_of_block(support), (width - reach, width + reach, height - reach, height + reach)
    )
    across = seen.shape[-1]
    home = _homes(matches, seen[0, 0].numel(), across)
    block = _places(*blocks_of(height, width), BLOCK, across, device)
    bounds = matches.weight @ _look_up(most, home.unsqueeze(-1) + block).flatten(2)
    found = keep_best(bounds, BLOCKS)[1]
    transform = found // len(block)
    # [G, K, B, 4]: the shifts of these blocks. [G, K, B, N]: where the voters are without them.
    shift = block[found % len(block)].unsqueeze(-1) + _places(2, 2, STRIDE, across, device)
    layout = torch.arange(home.shape[0], device=device)[:, None, None]
    first = home.transpose(1, 2)[layout, transform]
    each = _look_up(seen, first.unsqueeze(-2) + shift.unsqueeze(-1)).flatten(2, 3)
    votes = torch.einsum("gkcn,gkn->gkc", each, matches.weight)
    row, column = (shift // across).flatten(2), (shift % across).flatten(2)
    if height % BLOCK or width % BLOCK:  # the last blocks reach beyond the shifts
        votes = votes.masked_fill((row >= height) | (column >= width), -1.0)
    return votes, transform.repeat_interleave(shift.shape[-1], dim=-1), row, column


def _homes(matches: Matches, area: int, across: int) -> Tensor:
    """Where each voter is in its padded map for each transform without a shift, [G, N, M].

    area: numbers in a padded map. across: in a row of it.
    """
    height, width = matches.maps.shape[-2:]
    mapped = torch.einsum("gnj,mij->gnmi", matches.points, transforms(matches.maps.device))
    right, down = round_to_cells(mapped).long().unbind(dim=-1)
    here = (down.clamp(-height, height) + height) * across + right.clamp(-width, width) + width
    maps = torch.arange(here.shape[0] * here.shape[1], device=here.device) * area
    return (here + maps.view(*here.shape[:2], 1)).int()


def _places(down: int, across: int, step: int, row: int, device: torch.device) -> Tensor:
    """Places in a padded map, whose rows have `row` numbers, that are `step` apart."""
    rows = torch.arange(down, device=device) * (step * row)
    columns = torch.arange(across, device=device) * step
    return (rows[:, None] + columns).flatten().int()


def _look_up(maps: Tensor, at: Tensor) -> Tensor:
    return maps.flatten().index_select(0, at.flatten()).view_as(at)


def _best_of_block(support: Tensor) -> Tensor:
    """The best support among the shifts of a block that starts at each cell, or `BLOCK - STRIDE`
    cells before: [..., h, w] -> [..., h + BLOCK - STRIDE, w + BLOCK - STRIDE]."""
    reach = BLOCK - STRIDE
    best = F.pad(support, (reach,) * 4)
    best = torch.maximum(best[..., :-reach], best[..., reach:])
    return torch.maximum(best[..., :-reach, :], best[..., reach:, :])


@cache
def bell(length: int, device: torch.device) -> Tensor:
    """Multiplied with a row of cells, smooths it: [length, length]."""
    cells = torch.arange(length, device=device)
    away = (cells[:, None] - cells).abs()
    reach = math.ceil(3 * REACH)
    bell = torch.exp(-(away / REACH).square() / 2).masked_fill(away > reach, 0)
    steps = torch.arange(-reach, reach + 1, device=device) / REACH
    return bell / torch.exp(-steps.square() / 2).sum()


def _support(probability: Tensor) -> Tensor:
    """The support of each cell as a voter's place, [G, N, h, w]: at least 0."""
    height, width = probability.shape[-2:]
    device = probability.device
    near = bell(height, device) @ probability @ bell(width, device)
    # A CPU takes several times as long for log1p; what that is more exact in does not count.
    return torch.log(near * (2 * math.pi * REACH**2 / FLOOR) + 1)
