"""What is kept of the support: computed once, used by every frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from cape_ros.model.layout import Layouts


@dataclass(frozen=True)
class KeypointTokens:
    """tokens [B, K, d]; mask [B, K] bool, True = known; layouts of the shots, if the network lets
    them vote."""

    tokens: Tensor
    mask: Tensor
    layouts: Layouts | None = None


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
    )


def stack_tokens(tokens: Sequence[KeypointTokens]) -> KeypointTokens:
    """One batch of categories, a sample each, with different numbers of keypoints and of shots: the
    shorter ones are masked."""
    if all(token is tokens[0] for token in tokens):
        first = tokens[0]
        return KeypointTokens(
            first.tokens.expand(len(tokens), -1, -1),
            first.mask.expand(len(tokens), -1),
            first.layouts and first.layouts.expand(len(tokens)),
        )
    layouts = [token.layouts for token in tokens if token.layouts]
    return KeypointTokens(
        pad_sequence([token.tokens[0] for token in tokens], batch_first=True),
        pad_sequence([token.mask[0] for token in tokens], batch_first=True),
        Layouts.stack(layouts) if layouts else None,
    )
