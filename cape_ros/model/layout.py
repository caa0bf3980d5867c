"""The support's layout votes on where the keypoints lie together.

Matching looks at one keypoint at a time and cannot tell a left mast from a right one. Here every
way to turn, scale and shift the support's layout is tried over the similarity; the best ones say
where the others expect each keypoint (a star model of the object, in the manner of a generalised
Hough transform). No way is preferred over another, so copying the support's pose earns nothing.
Not part of the paper, which leaves this to the self-attention of a network trained on many objects.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

TURNS = 16
SCALES = (0.7, 0.84, 1.0, 1.2, 1.4)
STRIDE = 2  # cells between the shifts that are tried
BEST = 32  # ways of laying that are heard, per layout of the support
REACH = 2.0  # standard deviation of a keypoint around its expected place, in cells
FLOOR = 0.01  # chance that a keypoint obeys no layout
TEMPERATURE = 2.0  # of the similarity: it is surer of itself than it should be
MOST_LAYOUTS = 5  # shots of one category that vote


@dataclass(frozen=True)
class Layouts:
    """Where the shots show the keypoints: points [B, S, K, 2] in [0, 1]; known [B, S, K] bool."""

    points: Tensor
    known: Tensor

    @classmethod
    def of_heatmaps(cls, heatmaps: Sequence[Tensor], masks: Sequence[Tensor]) -> Layouts:
        """From soft masks [B, K, H, W] and masks [B, K] per shot: the masks' centres of mass."""
        points = []
        for heatmap in heatmaps[:MOST_LAYOUTS]:
            mass = heatmap.sum(dim=(-2, -1)).clamp(min=1e-6)
            rows, columns = heatmap.shape[-2:]
            x = torch.arange(columns, device=heatmap.device) + 0.5
            y = torch.arange(rows, device=heatmap.device) + 0.5
            across, down = heatmap.sum(dim=-2) @ x, heatmap.sum(dim=-1) @ y
            points.append(torch.stack((across / columns, down / rows), dim=-1) / mass[..., None])
        known = torch.stack([mask.bool() for mask in masks[:MOST_LAYOUTS]], dim=1)
        return cls(torch.stack(points, dim=1), known)

    @classmethod
    def stack(cls, layouts: Sequence[Layouts]) -> Layouts:
        """Single samples as one batch; what some have fewer of is not known."""
        shots = max(one.known.shape[1] for one in layouts)
        count = max(one.known.shape[2] for one in layouts)
        points = layouts[0].points.new_zeros(len(layouts), shots, count, 2)
        known = layouts[0].known.new_zeros(len(layouts), shots, count)
        for at, one in enumerate(layouts):
            _, own_shots, own_count = one.known.shape
            points[at, :own_shots, :own_count] = one.points[0]
            known[at, :own_shots, :own_count] = one.known[0]
        return cls(points, known)

    def expand(self, batch: int) -> Layouts:
        """The same sample `batch` times, without a copy."""
        return Layouts(self.points.expand(batch, -1, -1, -1), self.known.expand(batch, -1, -1))


@cache
def transforms(device: torch.device) -> Tensor:
    """The ways to turn and scale a layout: [M, 2, 2]."""
    angle = torch.arange(TURNS, device=device) * (2 * math.pi / TURNS)
    turn = torch.stack((angle.cos(), -angle.sin(), angle.sin(), angle.cos()), dim=-1)
    scales = torch.tensor(SCALES, device=device)
    return (scales[:, None, None] * turn).view(-1, 2, 2)


@torch.no_grad()
def agreement(similarity: Tensor, layouts: Layouts) -> Tensor:
    """How well the layouts expect each keypoint at each cell; to be added to the similarity.

    similarity: logits [B, K, h, w]. Returns [B, K, h, w] in the same units, at most 0; 0 all over
    for a keypoint that no layout can place.
    """
    similarity = similarity.float()
    count, height, width = similarity.shape[1:]
    size = similarity.new_tensor([width, height])
    probability = (similarity.flatten(2) / TEMPERATURE).softmax(dim=-1).view_as(similarity)
    support = torch.log(_spread(probability) * (2 * math.pi * REACH**2) + FLOOR)

    known = layouts.known[..., None]
    cells = layouts.points.float() * size - 0.5
    centre = (cells * known).sum(dim=2, keepdim=True) / known.sum(dim=2, keepdim=True).clamp(min=1)
    # [B, S, M, K, 2]: every keypoint seen from the centre of a layout that is laid in some way.
    seen = torch.einsum("bskj,mij->bsmki", cells - centre, transforms(similarity.device))

    votes, shifts = _votes(support, seen, layouts.known)
    best = votes.flatten(2).topk(BEST, dim=-1)  # of each layout
    way, shift = best.indices // len(shifts), best.indices % len(shifts)
    places = seen.gather(2, way[..., None, None].expand(-1, -1, -1, count, 2))
    places = (places + shifts[shift].unsqueeze(-2)).flatten(1, 2)  # [B, S * BEST, K, 2]

    mute = layouts.known.sum(dim=-1) < 2  # one point lies anywhere
    weight = best.values.masked_fill(mute[..., None], -torch.inf).flatten(1)
    weight = torch.nan_to_num(weight.softmax(dim=-1))
    placed = layouts.known.repeat_interleave(BEST, dim=1)[..., None]
    across = _bell(places[..., 0], width).masked_fill(~placed, 1.0)
    down = _bell(places[..., 1], height).masked_fill(~placed, 1.0)
    expected = torch.einsum("bt,btky,btkx->bkyx", weight, down, across)
    expected[mute.all(dim=1)] = 1.0
    return TEMPERATURE * torch.log((expected + FLOOR) / (1 + FLOOR))


def _votes(support: Tensor, seen: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """The keypoints' support [B, S, M, T] for each layout, way and shift [T, 2]: the sum over all
    that some layout knows.

    What a layout does not know counts as the mean of what it knows and of one point that supports
    nothing: else the less a shot shows, the louder it would be heard.
    """
    batch, shots, ways, count, _ = seen.shape
    height, width = support.shape[-2:]
    row = torch.arange(0, height, STRIDE, device=seen.device)
    column = torch.arange(0, width, STRIDE, device=seen.device)
    rows, columns = torch.meshgrid(row, column, indexing="ij")
    # Beside the image lies as much again that supports nothing: no shifted point falls off.
    padding = (width, width, height, height)
    nothing = math.log(FLOOR)
    padded = F.pad(support, padding, value=nothing).flatten(2)
    step = seen.round().long()
    step = step[..., 1].clamp(-height, height) * (3 * width) + step[..., 0].clamp(-width, width)
    base = ((rows + height) * (3 * width) + columns + width).flatten()
    votes = support.new_zeros(batch, shots, ways, len(base))
    for keypoint in range(count):
        at = (step[..., keypoint, None] + base).flatten(1)
        vote = padded[:, keypoint].gather(1, at).view_as(votes)
        votes += vote * known[:, :, keypoint, None, None]
    counted = known.sum(dim=-1) + 1
    all_counted = known.any(dim=1).sum(dim=-1, keepdim=True) + 1
    votes = (votes + nothing) * (all_counted / counted)[..., None, None]
    return votes, torch.stack((columns, rows), dim=-1).flatten(0, 1).float()


def _spread(probability: Tensor) -> Tensor:
    """Each map [B, K, h, w] smoothed by a Gaussian of `REACH` cells."""
    reach = math.ceil(3 * REACH)
    bell = _bell(probability.new_tensor([float(reach)]), 2 * reach + 1)[0]
    bell = (bell / bell.sum()).view(1, 1, 1, -1)
    maps = probability.flatten(0, 1).unsqueeze(1)
    maps = F.conv2d(F.conv2d(maps, bell, padding=(0, reach)), bell.mT, padding=(reach, 0))
    return maps.view_as(probability)


def _bell(centre: Tensor, length: int) -> Tensor:
    """exp(-d^2 / 2 REACH^2) of the distance d from each centre [...] to cells: [..., length]."""
    away = torch.arange(length, device=centre.device) - centre.unsqueeze(-1)
    return torch.exp(-away.square() / (2 * REACH**2))
