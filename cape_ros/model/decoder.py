"""Refinement of the proposals, layer by layer (paper, Section 3.5)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cape_ros.model.attention import FusedAttention
from cape_ros.model.encoding import at_least_single, encode_coordinates

EPSILON = 1e-3


def inverse_sigmoid(x: Tensor) -> Tensor:
    """logit(x) of x in [0, 1], kept finite."""
    x = x.clamp(0, 1)
    return torch.log(x.clamp(min=EPSILON) / (1 - x).clamp(min=EPSILON))


class DecoderLayer(nn.Module):
    """Self-attention of the keypoints, then cross-attention to the image; post-norm.

    In the cross-attention content and position are concatenated, not added (2 d channels), and
    `choker` brings the answer back to d.
    """

    def __init__(self, width: int, heads: int, feedforward: int, dropout: float):
        super().__init__()
        self.self_attn = FusedAttention(width, heads, dropout)
        self.multihead_attn = FusedAttention(2 * width, heads, dropout, value_width=width)
        self.choker = nn.Linear(2 * width, width)
        self.linear1 = nn.Linear(width, feedforward)
        self.linear2 = nn.Linear(feedforward, width)
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)
        self.norm3 = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        keypoints: Tensor,
        positions: Tensor,
        image_keys: Tensor,
        memory: Tensor,
        key_padding_mask: Tensor,
        attention: bool,
    ) -> tuple[Tensor, Tensor | None]:
        """Updated keypoints [B, K, d] and, if asked for, the cross-attention [B, K, N].

        keypoints, positions: [B, K, d]. image_keys: [B, N, 2 d]. memory: [B, N, d].
        """
        placed = keypoints + positions
        update, _ = self.self_attn(placed, placed, keypoints, key_padding_mask)
        keypoints = self.norm1(keypoints + self.dropout(update))
        queries = torch.cat((keypoints, positions), dim=-1)
        update, weights = self.multihead_attn(queries, image_keys, memory, weights=attention)
        keypoints = self.norm2(keypoints + self.dropout(self.choker(update)))
        update = self.linear2(self.dropout(F.relu(self.linear1(keypoints))))
        return self.norm3(keypoints + self.dropout(update)), weights


def offset_head(width: int) -> nn.Sequential:
    """Token [..., d] -> offset [..., 2] in logit space; a new one moves nothing."""
    layers: list[nn.Module] = []
    for _ in range(3):
        layers += [nn.Linear(width, width), nn.GELU()]
    last = nn.Linear(width, 2)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(*layers, last)


class Decoder(nn.Module):
    """A stack of `DecoderLayer` with an offset head per layer, or one for all."""

    def __init__(
        self,
        layers: int,
        width: int,
        heads: int,
        feedforward: int,
        dropout: float,
        shared_offset_head: bool,
    ):
        super().__init__()
        self.width = width
        self.layers = nn.ModuleList(
            DecoderLayer(width, heads, feedforward, dropout) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)
        self.ref_point_head = nn.Sequential(
            nn.Linear(width, width), nn.GELU(), nn.Linear(width, width)
        )
        self.offset_heads = nn.ModuleList(
            offset_head(width) for _ in range(1 if shared_offset_head else layers)
        )

    def forward(
        self,
        keypoints: Tensor,
        order: Tensor,
        proposals: Tensor,
        memory: Tensor,
        image_positions: Tensor,
        key_padding_mask: Tensor,
        attention: bool,
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Refines the proposals [B, K, 2] of keypoints [B, K, d] layer by layer (Section 3.5).

        order: [K, d]. memory: image tokens [B, N, d]. Returns each layer's prediction
        [L, B, K, 2]; the points that each layer started from and the last one's update
        [L + 1, B, K, 2]; and, if asked for, the cross-attention [B, K, N] of each layer.
        """
        keys = self._keys(memory, image_positions), memory, key_padding_mask
        points = proposals.detach()
        # The outputs start from detached proposals, but the first layer's attention is trained.
        place = proposals
        predictions, references, maps = [], [points], []
        for index, layer in enumerate(self.layers):
            positions = self._positions(place, order)
            keypoints, weights = layer(keypoints, positions, *keys, attention)
            predictions.append(self._move(index, self.norm(keypoints), references[-1]))
            references.append(self._move(index, keypoints, points))
            place = points = references[-1].detach()
            if weights is not None:
                maps.append(weights)
        return torch.stack(predictions), torch.stack(references), maps

    def answer(
        self,
        keypoints: Tensor,
        order: Tensor,
        proposals: Tensor,
        memory: Tensor,
        image_positions: Tensor,
        key_padding_mask: Tensor,
    ) -> Tensor:
        """The last layer's prediction [B, K, 2], and nothing that it does not need."""
        keys = self._keys(memory, image_positions), memory, key_padding_mask
        points, last = proposals, len(self.layers) - 1
        for index, layer in enumerate(self.layers):
            keypoints, _ = layer(keypoints, self._positions(points, order), *keys, False)
            seen = self.norm(keypoints) if index == last else keypoints
            points = self._move(index, seen, points)
        return points

    def _keys(self, memory: Tensor, image_positions: Tensor) -> Tensor:
        return torch.cat((memory, image_positions.expand_as(memory)), dim=-1)

    def _positions(self, points: Tensor, order: Tensor) -> Tensor:
        encoded = encode_coordinates(points, self.width).to(self.norm.weight.dtype)
        positions: Tensor = self.ref_point_head(encoded) + order
        return positions

    def _move(self, layer: int, keypoints: Tensor, points: Tensor) -> Tensor:
        """Points [B, K, 2], moved as a layer's head finds in the tokens [B, K, d]."""
        offset = at_least_single(self.offset_heads[layer % len(self.offset_heads)](keypoints))
        return torch.sigmoid(offset + inverse_sigmoid(points))
