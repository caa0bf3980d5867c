"""Joint refinement of the query's image tokens and the support's keypoint tokens.

Paper, Section 3.3 (query-support refine encoder).
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from cape_ros.model.attention import FusedAttention


class EncoderLayer(nn.Module):
    """Self-attention over all tokens, then a feed-forward block; both post-norm.

    The position is part of the token: it is added first, and the residual carries it on.
    """

    def __init__(self, width: int, heads: int, feedforward: int, dropout: float):
        super().__init__()
        self.self_attn = FusedAttention(width, heads, dropout)
        self.linear1 = nn.Linear(width, feedforward)
        self.linear2 = nn.Linear(feedforward, width)
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, tokens: Tensor, positions: Tensor, key_padding_mask: Tensor, attention: bool
    ) -> tuple[Tensor, Tensor | None]:
        """tokens, positions [B, N, d]; key_padding_mask [B, N] bool, True = ignored token."""
        tokens = tokens + positions
        update, weights = self.self_attn(tokens, tokens, tokens, key_padding_mask, attention)
        tokens = self.norm1(tokens + self.dropout(update))
        update = self.linear2(self.dropout(F.relu(self.linear1(tokens))))
        return self.norm2(tokens + self.dropout(update)), weights


class Encoder(nn.Module):
    """A stack of `EncoderLayer`."""

    def __init__(self, layers: int, width: int, heads: int, feedforward: int, dropout: float):
        super().__init__()
        self.layers = nn.ModuleList(
            EncoderLayer(width, heads, feedforward, dropout) for _ in range(layers)
        )

    def forward(
        self, tokens: Tensor, positions: Tensor, key_padding_mask: Tensor, attention: bool
    ) -> tuple[Tensor, list[Tensor]]:
        """The refined tokens [B, N, d] and, if asked for, each layer's weights [B, N, N]."""
        maps = []
        for layer in self.layers:
            tokens, weights = layer(tokens, positions, key_padding_mask, attention)
            if weights is not None:
                maps.append(weights)
        return tokens, maps
