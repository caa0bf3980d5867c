"""In-plane rotation: supports are encoded at eight orientations because features are not rotation
invariant.

A query is matched with the upright support first; the layout of the predicted points shows by how
many eighths of a circle the object is rotated. If that is another orientation, a second pass uses
the support rotated so. The pass with the stronger evidence wins. Not part of the paper; nothing is
learned.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from cape_ros.model.capeformer import CapeFormer
from cape_ros.model.encoding import at_least_single
from cape_ros.model.layout.layout import features_at
from cape_ros.model.pooling import pool_keypoints
from cape_ros.model.tokens import KeypointTokens

EIGHTHS = 8
ANGLES = tuple(360 / EIGHTHS * n for n in range(1, EIGHTHS))
"""Degrees, counter-clockwise, of the rotated supports; the upright one is not among them."""
MAX_REPASSES = 2  # passes at most, after the first


@dataclass(frozen=True)
class RotationHypothesis:
    """The prediction of one pass, and the orientation of the object in it.

    answers: the pass's outputs, each [B, ...]. strength [B]: the evidence for it, in logits.
    eighth [B]: by how many eighths of a circle the object seems rotated, 0 to 7."""

    answers: tuple[Tensor, ...]
    strength: Tensor
    eighth: Tensor


def with_rotations(
    net: CapeFormer, upright: KeypointTokens, extract: Callable[[float], tuple[Tensor, Tensor]]
) -> KeypointTokens:
    """The tokens of single shots [B, K, d], upright and, where layouts vote, rotated.

    extract: features and soft masks, as in `rotated_by`, of the shots rotated by so many degrees.
    """
    if not upright.layouts:
        return upright
    rotated = [rotated_by(degrees, net, upright, *extract(degrees)) for degrees in ANGLES]
    return replace(upright, rotated=tuple(rotated))


def not_yet_rotated(upright: KeypointTokens) -> KeypointTokens:
    """Upright tokens stand in for each rotation that is not encoded yet, where layouts vote; a
    second pass with them has the result of the first."""
    return replace(upright, rotated=(upright,) * len(ANGLES)) if upright.layouts else upright


def rotated_by(
    degrees: float, net: CapeFormer, upright: KeypointTokens, features: Tensor, heatmaps: Tensor
) -> KeypointTokens:
    """Single shots' tokens [B, K, d], rotated counter-clockwise; upright tokens stay for keypoints
    that the rotation moves out of the crop.

    features [B, C, h, w] of the rotated shots, soft masks [B, K, 64, 64] of their keypoints.
    """
    assert upright.layouts is not None
    pooled = pool_keypoints(features.to(heatmaps.dtype), heatmaps)
    shown = (heatmaps.flatten(2).amax(dim=-1) > 0).unsqueeze(-1)
    places = _rotate(upright.layouts.landmark_points[:, 0], net.config.image_size, degrees)
    inside = ((places > 0) & (places < 1)).all(dim=-1, keepdim=True)
    seen = features_at(features, places)

    def project(prototypes: Tensor) -> Tensor:
        return at_least_single(net.token_proj(prototypes.to(net.token_proj.weight.dtype)))

    landmarks = torch.where(inside, project(seen), upright.layouts.landmarks[:, 0])
    return KeypointTokens(
        torch.where(shown, project(pooled), upright.tokens),
        upright.mask,
        replace(upright.layouts, landmarks=landmarks.unsqueeze(1)),
    )


def judge(
    answers: tuple[Tensor, ...], evidence: Tensor, points: Tensor, tokens: KeypointTokens
) -> RotationHypothesis:
    """The hypothesis of one pass.

    points [B, K, 2] in [0, 1] and evidence [B, K, h, w] are those of `tokens`.
    """
    if not tokens.layouts:  # no rotated supports
        nothing = evidence.new_zeros(len(evidence))
        return RotationHypothesis(answers, nothing, nothing.long())
    logits = evidence.flatten(2)
    known = tokens.mask.to(logits)
    strength = (logits.logsumexp(dim=-1) * known).sum(dim=-1) / known.sum(dim=-1).clamp(min=1)
    sure = (logits.softmax(dim=-1).amax(dim=-1) * known).unsqueeze(1) * tokens.layouts.known
    weight = sure.unsqueeze(-1) / sure.sum(dim=-1)[..., None, None].clamp(min=1e-6)
    there, here = points.unsqueeze(1), tokens.layouts.points.to(points)
    there = there - (there * weight).sum(dim=2, keepdim=True)
    here = here - (here * weight).sum(dim=2, keepdim=True)
    (x, y), (u, v) = here.unbind(dim=-1), there.unbind(dim=-1)
    aspect = evidence.shape[-2] / evidence.shape[-1]
    along = (weight[..., 0] * (x * u + aspect**2 * y * v)).sum(dim=(1, 2))
    across = (weight[..., 0] * aspect * (y * u - x * v)).sum(dim=(1, 2))
    angle = torch.atan2(across, along) * (EIGHTHS / (2 * math.pi))
    return RotationHypothesis(answers, strength, angle.round().long() % EIGHTHS)


def best_of_passes(
    tokens: KeypointTokens,
    forward: Callable[[Tensor | None, KeypointTokens], RotationHypothesis],
) -> tuple[Tensor, ...]:
    """The answers of the best of a few passes, of each sample.

    forward: one pass over some samples of the batch, or (None) all of them, with these tokens.
    """
    first = forward(None, tokens)
    if not tokens.rotated:
        return first.answers
    shown = torch.zeros_like(first.eighth)
    samples = torch.arange(len(shown), device=shown.device)
    eighth, best, answers = first.eighth, first.strength, first.answers
    for repass in range(MAX_REPASSES):
        moved = (eighth != shown).nonzero().squeeze(1)
        if not len(moved):
            break
        if repass == 0:
            best, answers = best.clone(), tuple(answer.clone() for answer in answers)
        samples, shown = samples[moved], eighth[moved]
        repeated = forward(samples, tokens.pick(samples, shown))
        better = repeated.strength > best[samples]
        rows = samples[better]
        best[rows] = repeated.strength[better]
        for answer, other in zip(answers, repeated.answers, strict=True):
            answer[rows] = other[better]
        eighth = repeated.eighth
    return answers


def _rotate(points: Tensor, size: tuple[int, int], degrees: float) -> Tensor:
    """Points [..., 2] in [0, 1] of a crop of (height, width), rotated counter-clockwise with it."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    x, y = ((points[..., 0] - 0.5) * size[1], (points[..., 1] - 0.5) * size[0])
    across, down = cosine * x + sine * y, cosine * y - sine * x
    return torch.stack((across / size[1], down / size[0]), dim=-1) + 0.5
