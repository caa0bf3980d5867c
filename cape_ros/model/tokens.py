"""Keypoint tokens of a support: computed once per category, used by every frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from cape_ros.model.cross_check import MOST_CHECKED, UNCHECKED, CrossCheck
from cape_ros.model.layout.layout import Layouts


@dataclass(frozen=True)
class KeypointTokens:
    """The encoded support of a batch of categories.

    tokens: [B, K, d]. mask: [B, K] bool, True = known. layouts: of the shots, if layouts vote.
    rotated: tokens of the same shots at other orientations (`rotations.py`), or none. check: the
    leave-one-out check of the shots' scores.
    """

    tokens: Tensor
    mask: Tensor
    layouts: Layouts | None = None
    rotated: tuple[KeypointTokens, ...] = ()
    check: CrossCheck = UNCHECKED

    def sample(self, at: int) -> KeypointTokens:
        """One sample of the batch, as a batch of one."""
        some = slice(at, at + 1)
        return KeypointTokens(
            self.tokens[some],
            self.mask[some],
            self.layouts and self.layouts.samples(some),
            tuple(one.sample(at) for one in self.rotated),
        )

    def pick(self, samples: Tensor, orientation: Tensor) -> KeypointTokens:
        """Some samples [M] of the batch, rotated: 0 = upright, n = as in `rotated[n - 1]`."""
        kinds = (self, *self.rotated)
        tokens = torch.stack([kind.tokens for kind in kinds])[orientation, samples]
        layouts = None
        if self.layouts:
            marks = [kind.layouts.landmarks for kind in kinds if kind.layouts]
            layouts = Layouts(
                self.layouts.points[samples],
                self.layouts.known[samples],
                self.layouts.landmark_points[samples],
                torch.stack(marks)[orientation, samples],
            )
        return KeypointTokens(tokens, self.mask[samples], layouts)


def average_shots(shots: Sequence[KeypointTokens]) -> KeypointTokens:
    """Shots of one category, a sample each -> one sample; a keypoint is averaged over the shots
    that show it."""
    tokens = torch.cat([shot.tokens for shot in shots])
    known = torch.cat([shot.mask for shot in shots])
    weight = known.unsqueeze(-1).to(tokens)
    mean = (tokens * weight).sum(dim=0) / weight.sum(dim=0).clamp(min=1)
    layouts = [shot.layouts for shot in shots if shot.layouts]
    return KeypointTokens(
        mean[None],
        known.any(dim=0)[None],
        Layouts.join(layouts) if layouts else None,
        _each_rotation(shots, average_shots),
    )


def each_without(shots: Sequence[KeypointTokens]) -> list[KeypointTokens]:
    """For each of the shots that check the others, the tokens of all others; none for one shot."""
    return [
        average_shots([*shots[:at], *shots[at + 1 :]])
        for at in range(min(MOST_CHECKED, len(shots)) if len(shots) > 1 else 0)
    ]


def stack_tokens(tokens: Sequence[KeypointTokens]) -> KeypointTokens:
    """One batch of categories, a sample each, with different numbers of keypoints and of shots: the
    shorter ones are masked."""
    if all(token is tokens[0] for token in tokens):
        first = tokens[0]
        return KeypointTokens(
            first.tokens.expand(len(tokens), -1, -1),
            first.mask.expand(len(tokens), -1),
            first.layouts and first.layouts.expand(len(tokens)),
            _each_rotation(tokens, stack_tokens),
        )
    layouts = [token.layouts for token in tokens if token.layouts]
    return KeypointTokens(
        pad_sequence([token.tokens[0] for token in tokens], batch_first=True),
        pad_sequence([token.mask[0] for token in tokens], batch_first=True),
        Layouts.stack(layouts) if layouts else None,
        _each_rotation(tokens, stack_tokens),
    )


def _each_rotation(
    tokens: Sequence[KeypointTokens],
    together: Callable[[Sequence[KeypointTokens]], KeypointTokens],
) -> tuple[KeypointTokens, ...]:
    """One orientation after the other."""
    return tuple(map(together, zip(*(one.rotated for one in tokens), strict=True)))
