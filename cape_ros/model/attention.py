"""Multi-head attention with PyTorch's parameters, through its fused kernels."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class FusedAttention(nn.MultiheadAttention):
    """The parameters are its base class's; attention weights are computed only on request."""

    def __init__(self, width: int, heads: int, dropout: float, value_width: int | None = None):
        super().__init__(width, heads, dropout=dropout, vdim=value_width, batch_first=True)

    def forward(  # type: ignore[override]
        self,
        queries: Tensor,
        keys: Tensor,
        values: Tensor,
        key_padding_mask: Tensor | None = None,
        weights: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Attention of queries [B, M, d] to keys [B, N, d] with values [B, N, value width].

        key_padding_mask: [B, N] bool, True = ignored key.

        Returns [B, M, d] and, if asked for, the weights [B, M, N], averaged over the heads.
        """
        few = queries.shape[1] < min(self.head_dim, keys.shape[1])
        if few and key_padding_mask is None and not (weights or self.training):
            return self.out_proj(self._of_few(queries, keys, values)), None
        q, k, v = self._project(queries, keys, values)
        mask = None if key_padding_mask is None else ~key_padding_mask[:, None, None, :]
        dropout = self.dropout if self.training else 0.0
        update = F.scaled_dot_product_attention(q, k, v, mask, dropout)
        seen = None
        if weights:
            logits = q @ k.mT / math.sqrt(self.head_dim)
            if mask is not None:
                logits = logits.masked_fill(~mask, -torch.inf)
            seen = logits.softmax(dim=-1).mean(dim=1)
        return self.out_proj(update.transpose(1, 2).flatten(2)), seen

    def _of_few(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """The heads' answers [B, M, d], where the queries are fewer than a head is wide.

        Neither keys nor values are projected: each head's queries are projected to where the keys
        are, and what they find to where the values go. A key's bias changes no weight.
        """
        to_query, to_key, to_value = self._matrices()
        biases, heads = self.in_proj_bias.chunk(3), self.num_heads
        q = F.linear(queries, to_query, biases[0]).unflatten(-1, (heads, -1)).transpose(1, 2)
        q = (q / math.sqrt(self.head_dim)) @ to_key.unflatten(0, (heads, -1))
        share = (q.flatten(1, 2) @ keys.mT).softmax(dim=-1)
        seen = (share @ values).unflatten(1, (heads, -1))
        found: Tensor = seen @ to_value.unflatten(0, (heads, -1)).mT
        return found.transpose(1, 2).flatten(2) + biases[2]

    def _matrices(self) -> tuple[Tensor, ...]:
        """Of queries, keys and values."""
        if self.in_proj_weight is None:
            return self.q_proj_weight, self.k_proj_weight, self.v_proj_weight
        return self.in_proj_weight.chunk(3)

    def _project(self, queries: Tensor, keys: Tensor, values: Tensor) -> list[Tensor]:
        """Each [B, heads, M or N, head width]."""
        if queries is keys is values and self.in_proj_weight is not None:
            projected = F.linear(queries, self.in_proj_weight, self.in_proj_bias).chunk(3, dim=-1)
        else:
            biases = self.in_proj_bias.chunk(3)
            projected = tuple(map(F.linear, (queries, keys, values), self._matrices(), biases))
        return [part.unflatten(-1, (self.num_heads, -1)).transpose(1, 2) for part in projected]
