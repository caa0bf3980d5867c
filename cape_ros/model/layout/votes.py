"""Generalised Hough transform: every rotation, scale and shift of a support is tried on the
similarity maps of its keypoints and landmarks; the transform with the best total similarity wins.

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
        """The number of votes that one layout counts."""
        voters, height, width = maps.shape[1:]
        shifts = math.ceil(height / STRIDE) * math.ceil(width / STRIDE)
        return voters * ROTATIONS * len(SCALES) * shifts

    @cached_property
    def log_probability(self) -> Tensor:
        """Log-probability of each cell, [G, N, h, w]."""
        return (self.maps.flatten(2) / TEMPERATURE).log_softmax(dim=-1).view_as(self.maps)

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


def keep_best(votes: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` largest along the last dimension: values >= 0, and indices.

    A processor's vector width decides how sums are rounded, and so which of two equal values is
    the larger. The answer must not depend on it: among values that differ by less than a part
    `TIE` of them, a sequence that is spread evenly over the indices decides.
    """
    index = torch.arange(votes.shape[-1], dtype=torch.float64, device=votes.device)
    preference = (GOLDEN_RATIO * index).frac().to(votes.dtype)
    indices = (votes * (1 + TIE * preference)).topk(count, dim=-1).indices
    return votes.gather(-1, indices), indices


def round_to_cells(places: Tensor) -> Tensor:
    """Rounds to whole cells; a place midway between two goes to the same one on every processor."""
    return (places + NUDGE).round()


def best_transforms(matches: Matches) -> SimilarityTransforms:
    """The transforms with the most votes; -inf votes for a keypoint that is unknown or alone."""
    height, width = matches.maps.shape[-2:]
    device = matches.maps.device
    rows = torch.arange(0, height, STRIDE, device=device)
    columns = torch.arange(0, width, STRIDE, device=device)
    # Beside the image lies as much again that supports nothing: no shifted point falls off.
    support = F.pad(_support(matches.log_probability), (width, width, height, height))
    # [G, N, 2h + 1, 2w + 1, ...]: what all shifts see of a voter that stands at some cell.
    seen = support.unfold(2, height, 1).unfold(3, width, 1)[..., ::STRIDE, ::STRIDE]
    mapped = torch.einsum("gnj,mij->gnmi", matches.points, transforms(device))
    step = round_to_cells(mapped).long()
    right = step[..., 0].clamp(-width, width) + width
    down = step[..., 1].clamp(-height, height) + height
    layout = torch.arange(step.shape[0], device=device)[:, None, None]
    voter = torch.arange(step.shape[1], device=device)[:, None]
    votes = matches.weight @ seen[layout, voter, down, right].flatten(2)
    best, indices = keep_best(votes, BEST)
    shifts = len(rows) * len(columns)
    transform, shift = indices // shifts, indices % shifts
    shift = torch.stack((columns[shift % len(columns)], rows[shift // len(columns)]), dim=-1)
    placed = matches.known[:, : matches.count] & (matches.weight.sum(dim=-1) > 0)
    return SimilarityTransforms(
        best.masked_fill(~placed.unsqueeze(-1), -torch.inf),
        transforms(device)[transform],
        shift.float(),
    )


def _support(log_probability: Tensor) -> Tensor:
    """The support of each cell as a voter's place, [G, N, h, w]: at least 0."""
    probability = log_probability.exp()
    reach = math.ceil(3 * REACH)
    away = torch.arange(-reach, reach + 1, device=probability.device) / REACH
    bell = torch.exp(-away.square() / 2)
    bell = (bell / bell.sum()).view(1, 1, 1, -1)
    maps = probability.flatten(0, 1).unsqueeze(1)
    maps = F.conv2d(F.conv2d(maps, bell, padding=(0, reach)), bell.mT, padding=(reach, 0))
    return torch.log1p(maps.view_as(probability) * (2 * math.pi * REACH**2 / FLOOR))
