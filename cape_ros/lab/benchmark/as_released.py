"""A reference implementation that computes as the authors' release does, for comparison.

The support is encoded again for every query, keypoints are padded to 100, features are pooled over
a map enlarged to 64 x 64, attention weights are always computed, batch norms stand by themselves.
Of `cape_ros.model` it takes the parameters and the encodings of grid and order: what makes that one
faster does not make this one faster. Checked against numbers of the release.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cape_ros.model import CapeFormer
from cape_ros.model.decoder import inverse_sigmoid
from cape_ros.model.encoding import TEMPERATURE, encode_grid, encode_order

KEYPOINTS = 100  # every support is padded to so many


class AsReleased(nn.Module):
    """A copy of a released network, float32, op by op."""

    def __init__(self, net: CapeFormer) -> None:
        """net: one of the released architecture; is copied."""
        super().__init__()
        net = copy.deepcopy(net).eval().requires_grad_(False)
        self.net = net.to(memory_format=torch.contiguous_format)

    def forward(
        self,
        query: Tensor,
        supports: Sequence[Tensor],
        heatmaps: Sequence[Tensor],
        masks: Sequence[Tensor],
    ) -> Tensor:
        """query, and per shot support [B, 3, 256, 256], heatmaps [B, K, 64, 64], masks [B, K] ->
        points [B, K, 2] in [0, 1] of the query."""
        net = self.net
        image = net.input_proj(net.backbone(query))
        pooled = [
            _pool(net.backbone(support), maps)
            for support, maps in zip(supports, heatmaps, strict=True)
        ]
        mask = torch.stack([mask.bool() for mask in masks]).all(dim=0)
        tokens = net.token_proj(torch.stack(pooled).mean(dim=0) * mask.unsqueeze(-1))
        height, width = image.shape[-2:]
        cells, count = height * width, tokens.shape[1]
        grid = encode_grid(height, width, net.config.width).to(image)
        order = encode_order(count, net.config.width).to(image)
        key_padding_mask = torch.cat((mask.new_zeros(len(mask), cells), ~mask), dim=1)
        joint = torch.cat((image.flatten(2).transpose(1, 2), tokens), dim=1)
        for layer in net.encoder.layers:
            joint = _encode_layer(layer, joint + torch.cat((grid, order)), key_padding_mask)
        memory, keypoints = joint[:, :cells], joint[:, cells:]
        similarity = net.proposals(keypoints, memory).unflatten(-1, (height, width))
        return self._decode(keypoints, order, _propose(similarity), memory, grid, ~mask)

    def _decode(
        self,
        keypoints: Tensor,
        order: Tensor,
        points: Tensor,
        memory: Tensor,
        grid: Tensor,
        key_padding_mask: Tensor,
    ) -> Tensor:
        decoder = self.net.decoder
        assert decoder is not None
        key_padding_mask = key_padding_mask.clone()
        key_padding_mask[:, 0] &= ~key_padding_mask.all(dim=1)  # attention needs a key
        keys = torch.cat((memory, grid.expand_as(memory)), dim=-1)
        answer = points
        for layer, head in zip(decoder.layers, decoder.offset_heads, strict=True):
            positions = _encode(points, decoder.width)
            positions = decoder.ref_point_head(positions) + order
            keypoints = _refine(layer, keypoints, positions, keys, memory, key_padding_mask)
            answer = torch.sigmoid(head(decoder.norm(keypoints)) + inverse_sigmoid(points))
            points = torch.sigmoid(head(keypoints) + inverse_sigmoid(points))
        return answer


def _pool(features: Tensor, heatmaps: Tensor) -> Tensor:
    enlarged = F.interpolate(
        features, size=heatmaps.shape[-2:], mode="bilinear", align_corners=False
    )
    weights = heatmaps / (heatmaps.sum(dim=(-2, -1), keepdim=True) + 1e-8)
    return weights.flatten(2) @ enlarged.flatten(2).transpose(1, 2)


def _propose(similarity: Tensor) -> Tensor:
    """The expected point over the best cell and its eight neighbours; a square grid."""
    count, side = similarity.shape[1], similarity.shape[-1]
    chance = similarity.flatten(2).softmax(dim=-1)
    best = F.one_hot(chance.argmax(dim=-1), side * side).view(-1, count, side, side).float()
    chance = chance * F.max_pool2d(best, 3, stride=1, padding=1).flatten(2)
    chance = chance / chance.sum(dim=-1, keepdim=True)
    centres = (torch.arange(side) + 0.5) / side
    rows, columns = torch.meshgrid(centres, centres, indexing="ij")
    return chance @ torch.stack((columns, rows), dim=-1).flatten(0, 1).to(chance)


def _encode(points: Tensor, width: int) -> Tensor:
    """Points [..., 2] as waves [..., width]; sine and cosine of a pair by themselves."""
    half = width // 2
    index = torch.arange(half, dtype=points.dtype, device=points.device)
    period = TEMPERATURE ** (2 * torch.div(index, 2, rounding_mode="floor") / half)
    angle = points.flip(-1).unsqueeze(-1) * (2 * math.pi) / period
    waves = torch.stack((angle[..., 0::2].sin(), angle[..., 1::2].cos()), dim=-1)
    return waves.flatten(-3)


def _attend(
    attention: nn.MultiheadAttention,
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    key_padding_mask: Tensor | None = None,
) -> Tensor:
    return F.multi_head_attention_forward(
        queries.transpose(0, 1),
        keys.transpose(0, 1),
        values.transpose(0, 1),
        attention.embed_dim,
        attention.num_heads,
        attention.in_proj_weight,
        attention.in_proj_bias,
        None,
        None,
        False,
        0.0,
        attention.out_proj.weight,
        attention.out_proj.bias,
        training=False,
        key_padding_mask=key_padding_mask,
        need_weights=True,
        use_separate_proj_weight=attention.in_proj_weight is None,
        q_proj_weight=attention.q_proj_weight,
        k_proj_weight=attention.k_proj_weight,
        v_proj_weight=attention.v_proj_weight,
    )[0].transpose(0, 1)


def _forward(layer: Any, tokens: Tensor) -> Tensor:
    update: Tensor = layer.linear2(F.relu(layer.linear1(tokens)))
    return update


def _encode_layer(layer: Any, tokens: Tensor, key_padding_mask: Tensor) -> Tensor:
    tokens = layer.norm1(
        tokens + _attend(layer.self_attn, tokens, tokens, tokens, key_padding_mask)
    )
    encoded: Tensor = layer.norm2(tokens + _forward(layer, tokens))
    return encoded


def _refine(
    layer: Any,
    keypoints: Tensor,
    positions: Tensor,
    keys: Tensor,
    memory: Tensor,
    key_padding_mask: Tensor,
) -> Tensor:
    placed = keypoints + positions
    keypoints = layer.norm1(
        keypoints + _attend(layer.self_attn, placed, placed, keypoints, key_padding_mask)
    )
    queries = torch.cat((keypoints, positions), dim=-1)
    update = layer.choker(_attend(layer.multihead_attn, queries, keys, memory))
    keypoints = layer.norm2(keypoints + update)
    decoded: Tensor = layer.norm3(keypoints + _forward(layer, keypoints))
    return decoded
