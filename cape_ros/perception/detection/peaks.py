"""Generalised Hough transform over a frame: where a category's voters agree that an object is.

The cosine similarity of a voter with all cells, as a z-score among them, is moved to where the
middle of the object would be. The sums are z-scores, too: among the votes for all places of one
size, so that sizes and levels can be compared.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from cape_ros.perception.detection.pyramid import Level, Pyramid
from cape_ros.perception.detection.voters import Voters
from cape_ros.perception.geometry import Box

SCALES = (0.76, 1.0, 1.32)  # of an object, relative to its voters
LARGEST = 1.74  # the same, in the coarsest level: objects as large as the frame
BETWEEN = (0.0, 22.5)  # degrees that an object is rotated beyond an eighth of a circle
CLAMPED = (-1.0, 4.0)  # z-scores of one voter: none can make or break an object
APART = 0.4  # of the larger object's side: peaks that are closer are one
OTHER_SIZE = 2.0  # ratio of sides: an object can have parts that look like it
MOST_PEAKS = 32  # of a category
FINER = 4  # pixels across a cell, for hulls
AROUND = 0.1  # of a hull's longer side: so close around it lies the same object
FAR = 10_000  # the same pixels: OpenCV draws what is nearer
HIDDEN = 0.5  # of a cell: if more is covered, it does not vote
EPSILON = 1e-6

Sides = tuple[float, float]
"""The least and the largest longer side of objects, in image pixels."""
ALL_SIDES = 0.0, math.inf


@dataclass(frozen=True)
class Peak:
    """middle: (x, y) of the object's box in image pixels. side: its longer one. votes: z-score of
    their sum."""

    middle: tuple[float, float]
    side: float
    votes: float

    @property
    def box(self) -> Box:
        """The square that the object fills."""
        x, y = self.middle
        return x - self.side / 2, y - self.side / 2, self.side, self.side

    def is_of_other_size(self, other: Peak) -> bool:
        """Whether both can be right even at the same place."""
        return max(self.side, other.side) > OTHER_SIZE * min(self.side, other.side)


def find_peaks(
    pyramid: Pyramid, voters: Sequence[Voters], hidden: Sequence[np.ndarray], sides: Sides
) -> list[Peak]:
    """The peaks of one category, the strongest first.

    voters: of the small objects, which are found in the first level only, and of the others.
    hidden: keypoints [K, 2] of objects of which nothing votes. sides: of the objects.
    """
    peaks: list[Peak] = []
    for number, zoom in enumerate(pyramid.zooms):
        for size in voters if number == 0 else voters[-1:]:
            scales = SCALES if number < len(pyramid.zooms) - 1 else (*SCALES, LARGEST)
            within = [s for s in scales if sides[0] <= size.side * s / zoom <= sides[1]]
            if within:
                peaks += _peaks(pyramid.level(number), size, within, hidden)
    return strongest(peaks)


def strongest(peaks: Iterable[Peak]) -> list[Peak]:
    """Those that no stronger one is near, the strongest first."""
    kept: list[Peak] = []
    for peak in sorted(peaks, key=lambda peak: -peak.votes):
        if all(_apart(peak, other) for other in kept):
            kept.append(peak)
            if len(kept) == MOST_PEAKS:
                break
    return kept


def _apart(one: Peak, other: Peak) -> bool:
    away = np.subtract(one.middle, other.middle)
    near = float(np.hypot(*away)) <= APART * max(one.side, other.side)
    return not near or one.is_of_other_size(other)


def _peaks(
    level: Level, voters: Voters, scales: Sequence[float], hidden: Sequence[np.ndarray]
) -> list[Peak]:
    votes = _vote(level.features, voters, _poses(scales), _covered(level, hidden))
    width = votes.shape[-1]
    best, kind = votes.flatten(0, 1).max(dim=0)
    highest = F.max_pool2d(best[None, None], 3, 1, 1)[0, 0]
    found = torch.where(highest == best, best, -torch.inf).flatten()
    top = found.topk(min(MOST_PEAKS, len(found)))
    peaks = []
    for score, cell in zip(top.values.tolist(), top.indices.tolist(), strict=True):
        if score <= 0:
            break
        row, column = divmod(cell, width)
        pose = int(kind[row, column]) // votes.shape[1]
        middle = (column + 0.5) / level.zoom, (row + 0.5) / level.zoom
        peaks.append(Peak(middle, voters.side * scales[pose // len(BETWEEN)] / level.zoom, score))
    return peaks


def _covered(level: Level, hidden: Sequence[np.ndarray]) -> Tensor:
    """Which cells [h * w] bool lie in the hulls of objects, and close around them."""
    height, width = level.features.shape[:2]
    covered = np.zeros((height * FINER, width * FINER), np.uint8)
    for points in hidden:
        places = np.clip((points + 0.5) * level.zoom * FINER, -FAR, FAR)
        hull = cv2.convexHull(np.round(places).astype(np.int32))
        reach = 2 * round(AROUND * float(np.ptp(hull[:, 0], axis=0).max()))
        cv2.fillConvexPoly(covered, hull, 1)
        cv2.polylines(covered, [hull], True, 1, thickness=max(1, reach))
    shares = covered.reshape(height, FINER, width, FINER).mean(axis=(1, 3))
    return torch.from_numpy(shares > HIDDEN).flatten().to(level.features.device)


def _poses(scales: Sequence[float]) -> Tensor:
    """Each scale with each of the rotations `BETWEEN`, [P, 2, 2]."""
    poses = []
    for scale in scales:
        for degrees in BETWEEN:
            angle = math.radians(degrees)
            c, s = scale * math.cos(angle), scale * math.sin(angle)
            poses.append([[c, s], [-s, c]])
    return torch.tensor(poses)


def _vote(features: Tensor, voters: Voters, poses: Tensor, covered: Tensor) -> Tensor:
    """The best shot's z-scores [P, 8, h, w] of an object whose middle is in a cell.

    poses: [P, 2, 2], how the places of the voters are scaled and rotated. covered: [h * w] bool,
    cells that speak neither for an object nor against it.
    """
    height, width = features.shape[:2]
    row, beside = width + 2 * max(height, width), max(height, width)
    down, right = (torch.arange(n, device=features.device) + beside for n in (height, width))
    cells = (down[:, None] * row + right).flatten()
    best: Tensor | None = None
    for seen, places, weights in zip(voters.features, voters.places, voters.weights, strict=True):
        similarity = seen @ features.flatten(0, 1).T  # [8, N, h * w]
        similarity = _standard(similarity, -1).clamp(*CLAMPED).masked_fill(covered, 0.0)
        maps = F.pad(similarity.unflatten(-1, (height, width)), (beside,) * 4).flatten(2)
        totals = []
        for matrix in poses.to(places):
            step = (places @ matrix.T).round().long().clamp(-beside, beside)
            start = step[..., 1] * row + step[..., 0]
            moved = maps.gather(-1, start[..., None] + cells)
            totals.append(weights @ moved)
        total = _standard(torch.stack(totals), (1, 2))
        best = total if best is None else torch.maximum(best, total)
    assert best is not None
    votes: Tensor = best.unflatten(-1, (height, width))
    return votes


def _standard(values: Tensor, dims: int | tuple[int, ...]) -> Tensor:
    """Their z-scores along these dimensions."""
    spread, mean = torch.std_mean(values, dim=dims, keepdim=True)
    standard: Tensor = (values - mean) / spread.clamp(min=EPSILON)
    return standard
