"""Layout votes: where the keypoints can lie together, given how they lie in the support.

Matching treats one keypoint at a time and cannot tell a left mast from a right one. Here the
keypoints, and landmarks all over the object, are placed together: every rotation,
scale and shift of the support is tried (`votes.py`), the best ones are refined by moving least
squares (`deformation.py`), and then say where each keypoint is expected. All transforms have the
same prior, so the support's pose is not favoured. Nothing is learned. Not part of the paper, which
leaves this to the self-attention of a network trained on many objects.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from cape_ros.model.encoding import at_least_single
from cape_ros.model.layout.deformation import Places, refine
from cape_ros.model.layout.votes import FLOOR, TEMPERATURE, Matches, best_transforms

LANDMARKS = 36  # of each shot
GRID = 14  # across and down the crop: where they may lie
MARGIN = 0.1  # of the crop: an object reaches that far beyond the lines between its keypoints
MOST_LAYOUTS = 5  # shots of one category that are asked
LEAST_REACH = 0.7  # standard deviation of a keypoint that all agree on, in cells
AT_ONCE = {"cpu": 1 << 19, "cuda": 1 << 25}  # votes counted together: a CPU's cache is small


@dataclass(frozen=True)
class Layouts:
    """The geometry of the shots of a batch of categories.

    points: [B, S, K, 2] in [0, 1]. known: [B, S, K] bool. landmark_points: [B, S, L, 2].
    landmarks: their tokens [B, S, L, d].
    """

    points: Tensor
    known: Tensor
    landmark_points: Tensor
    landmarks: Tensor

    @classmethod
    def of_shots(cls, shots: Sequence[Layouts]) -> Layouts:
        """The shots of a batch, a layout each, together."""
        return cls(
            torch.cat([one.points for one in shots], dim=1),
            torch.cat([one.known for one in shots], dim=1),
            torch.cat([one.landmark_points for one in shots], dim=1),
            torch.cat([one.landmarks for one in shots], dim=1),
        )

    @classmethod
    def stack(cls, layouts: Sequence[Layouts]) -> Layouts:
        """Single samples as one batch; what some have fewer of is not known."""
        shots = max(one.known.shape[1] for one in layouts)
        count = max(one.known.shape[2] for one in layouts)
        first = layouts[0]
        points = first.points.new_zeros(len(layouts), shots, count, 2)
        known = first.known.new_zeros(len(layouts), shots, count)
        landmark_points = first.points.new_zeros(
            len(layouts), shots, *first.landmark_points.shape[2:]
        )
        landmarks = first.landmarks.new_zeros(len(layouts), shots, *first.landmarks.shape[2:])
        for at, one in enumerate(layouts):
            _, own_shots, own_count = one.known.shape
            points[at, :own_shots, :own_count] = one.points[0]
            known[at, :own_shots, :own_count] = one.known[0]
            landmark_points[at, :own_shots] = one.landmark_points[0]
            landmarks[at, :own_shots] = one.landmarks[0]
        return cls(points, known, landmark_points, landmarks)

    @classmethod
    def join(cls, shots: Sequence[Layouts]) -> Layouts:
        """Shots of one category, a sample each -> one sample with all of them."""

        def joined(tensors: Sequence[Tensor]) -> Tensor:
            return torch.cat(tuple(tensors))[:MOST_LAYOUTS].transpose(0, 1)

        return cls(
            joined([one.points for one in shots]),
            joined([one.known for one in shots]),
            joined([one.landmark_points for one in shots]),
            joined([one.landmarks for one in shots]),
        )

    def samples(self, some: slice) -> Layouts:
        """Some of the batch, without a copy."""
        return Layouts(
            self.points[some],
            self.known[some],
            self.landmark_points[some],
            self.landmarks[some],
        )

    def expand(self, batch: int) -> Layouts:
        """The same sample `batch` times, without a copy."""
        return Layouts(
            self.points.expand(batch, -1, -1, -1),
            self.known.expand(batch, -1, -1),
            self.landmark_points.expand(batch, -1, -1, -1),
            self.landmarks.expand(batch, -1, -1, -1),
        )


def centres_of(heatmaps: Tensor) -> Tensor:
    """The centres of mass of soft masks [B, K, H, W]: [B, K, 2], (x, y) in [0, 1]."""
    mass = heatmaps.sum(dim=(-2, -1)).clamp(min=1e-6)
    rows, columns = heatmaps.shape[-2:]
    x = torch.arange(columns, device=heatmaps.device) + 0.5
    y = torch.arange(rows, device=heatmaps.device) + 0.5
    across, down = heatmaps.sum(dim=-2) @ x, heatmaps.sum(dim=-1) @ y
    return torch.stack((across / columns, down / rows), dim=-1) / mass[..., None]


def place_landmarks(points: Tensor, known: Tensor) -> Tensor:
    """Places all over the object of a shot, and few beside it: [B, L, 2], (x, y) in [0, 1].

    points [B, K, 2], known [B, K] bool. The object is what lies between its keypoints and a little
    beyond; the background does not rotate with the object.
    """
    steps = (torch.arange(GRID, device=points.device) + 0.5) / GRID
    rows, columns = torch.meshgrid(steps, steps, indexing="ij")
    grid = torch.stack((columns, rows), dim=-1).flatten(0, 1)
    one, other = torch.triu_indices(points.shape[1], points.shape[1], device=points.device)
    start, along = points[:, None, one], (points[:, other] - points[:, one]).unsqueeze(1)
    away = grid[:, None] - start  # [B, G * G, pairs of keypoints, 2]
    part = (away * along).sum(dim=-1) / along.square().sum(dim=-1).clamp(min=1e-9)
    distance = (away - part.clamp(0, 1).unsqueeze(-1) * along).norm(dim=-1)
    distance = distance.masked_fill(~(known[:, one] & known[:, other]).unsqueeze(1), 2.0)
    beyond = (distance.amin(dim=-1) - MARGIN).clamp(min=0)
    # Among those on the object a fixed choice that is spread evenly: the R2 sequence's lattice.
    index = torch.arange(GRID, device=points.device)
    lattice = (0.7548777 * index + 0.5698403 * index[:, None]).frac().flatten()
    return grid[(beyond + 1e-4 * lattice).topk(LANDMARKS, largest=False).indices]


def features_at(features: Tensor, points: Tensor) -> Tensor:
    """Features [B, C, h, w] at points [B, N, 2] in [0, 1], bilinear between cells: [B, N, C]."""
    features = at_least_single(features)  # in bfloat16 a CPU answers with NaN
    places = (2 * points - 1).to(features).unsqueeze(1)
    return F.grid_sample(features, places, align_corners=False)[:, :, 0].mT


@torch.no_grad()
def agreement(similarity: Tensor, landmarks: Tensor, layouts: Layouts) -> Tensor:
    """How well the layouts expect each keypoint at each cell; to be added to the similarity.

    similarity: logits [B, K, h, w] of the keypoints; landmarks: those of the landmarks of each
    shot, [B, S, L, h, w]. Returns [B, K, h, w] in the same units, at most 0; 0 all over for a
    keypoint that no layout can place.
    """
    batch, count, height, width = similarity.shape
    shots, fixed = landmarks.shape[1:3]
    points = torch.cat((layouts.points.float(), layouts.landmark_points.float()), dim=2)
    x, y = (points - 0.5).unbind(dim=-1)
    points = torch.stack((x * width, y * height), dim=-1).flatten(0, 1)
    known = F.pad(layouts.known, (0, fixed), value=True).flatten(0, 1)
    maps = torch.cat(
        (similarity.float().unsqueeze(1).expand(-1, shots, -1, -1, -1), landmarks.float()), dim=2
    ).flatten(0, 1)

    def answer(some: slice) -> Places:
        matches = Matches(maps[some], points[some], known[some], count)
        return refine(matches, best_transforms(matches))

    if torch.compiler.is_exporting():  # batches of any size
        answers = [answer(slice(None))]
    else:
        together = max(1, AT_ONCE.get(maps.device.type, AT_ONCE["cpu"]) // Matches.votes(maps))
        answers = [answer(slice(at, at + together)) for at in range(0, len(maps), together)]

    def of_keypoint(parts: Sequence[Tensor]) -> Tensor:
        """[B * S, K, T, ...] -> [B, K, S * T, ...]."""
        whole: Tensor = torch.cat(tuple(parts)).unflatten(0, (batch, shots))
        return whole.transpose(1, 2).flatten(2, 3)

    votes = of_keypoint([one.votes for one in answers])
    weight = torch.nan_to_num(votes.softmax(dim=-1))
    place = of_keypoint([one.places for one in answers])
    spread = of_keypoint([one.variance for one in answers]) + LEAST_REACH**2
    expected = torch.einsum(
        "bkt,bkty,bktx->bkyx",
        weight,
        _bell(place[..., 1], spread, height),
        _bell(place[..., 0], spread, width),
    )
    expected = expected.masked_fill((votes == -torch.inf).all(dim=-1)[..., None, None], 1.0)
    return TEMPERATURE * torch.log((expected + FLOOR) / (1 + FLOOR))


def _bell(centre: Tensor, variance: Tensor, length: int) -> Tensor:
    """exp(-d^2 / 2 variance) of the distance d from each centre [...] to cells: [..., length]."""
    away = torch.arange(length, device=centre.device) - centre.unsqueeze(-1)
    return torch.exp(-away.square() / (2 * variance.unsqueeze(-1)))
