"""Initialises a network as a nearest-neighbour matcher of its backbone's features, by PCA.

Most of what few training images can teach is then there before the first step.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn

from cape_ros.model import CapeFormer
from cape_ros.model.decoder import Decoder
from cape_ros.model.encoder import EncoderLayer
from cape_ros.model.encoding import encode_grid, encode_order

GAIN = 4.0  # size of the content of a token: well above a position encoding's 0.7
BRANCH = 0.1  # residual branches start small beside it
SHARPNESS = 30.0  # logit of two equal features
UNLIKE = 12.0  # taken from every logit, so that "no match" is below zero
POSITION_ENERGY = 1e-4


def content_basis(net: CapeFormer) -> Tensor:
    """Orthonormal directions [n, d] of a token that no position encoding (nor a mean) touches."""
    width = net.config.width
    taken = torch.cat(
        (
            encode_grid(*net.config.token_grid, width),
            encode_order(net.config.order_length, width),
            torch.ones(1, width),
        )
    )
    _, size, directions = torch.linalg.svd(taken.double(), full_matrices=True)
    used = int((size.square() > POSITION_ENERGY * size.square().sum()).sum())
    ones = torch.ones(width, dtype=torch.float64)
    free = directions[used:]
    free = free - (free @ ones)[:, None] * ones / width
    basis, size, _ = torch.linalg.svd(free.T, full_matrices=False)
    kept: Tensor = basis[:, size > 0.5].T.float()
    return kept


@torch.no_grad()
def start_as_matcher(net: CapeFormer, features: Tensor) -> None:
    """Set the head so that its proposals are nearest neighbours of `features` [N, C].

    Tokens of both sides are the same principal components, in directions that the position
    encodings leave free; the similarity is their cosine, made sharp.
    """
    content = content_basis(net)
    mean = features.mean(dim=0)
    _, _, components = torch.linalg.svd(features - mean, full_matrices=False)
    components = components[: len(content)]
    mix = torch.linalg.qr(torch.randn(len(content), len(content)))[0][:, : len(components)]
    projection = content.T @ mix @ components
    projection *= GAIN / ((features - mean) @ projection.T).std()
    for layer in (net.input_proj, net.token_proj):
        weight = projection.view_as(layer.weight)
        layer.load_state_dict({"weight": weight, "bias": -projection @ mean})
    if net.config.pooling > 1:
        cast(nn.LayerNorm, net.token_norm).weight.fill_(GAIN)
    for block in cast(Iterable[EncoderLayer], net.encoder.layers):
        block.self_attn.out_proj.weight.mul_(BRANCH)
        block.linear2.weight.mul_(BRANCH)
        block.norm1.weight.fill_(GAIN)
        block.norm2.weight.fill_(GAIN)
    only_content = content.T @ content
    spare = torch.ones(net.config.width) / net.config.width**0.5
    scale = (SHARPNESS / (net.config.width * GAIN**2)) ** 0.5
    for sign, side in ((1, net.proposals.support_proj), (-1, net.proposals.query_proj)):
        side.weight.copy_(only_content * scale)
        side.bias.copy_(sign * UNLIKE**0.5 * spare)
    last = cast(nn.Linear, net.proposals.dynamic_proj[-1])
    last.weight.mul_(BRANCH)
    last.bias.zero_()
    if net.decoder:
        wake_offset_heads(net.decoder)


@torch.no_grad()
def wake_offset_heads(decoder: Decoder) -> None:
    """Initialise the offset heads so that what they see reaches their last layer.

    PyTorch's default shrinks a token to a hundredth on the way, and such a head learns nothing for
    a thousand steps. The last layer stays zero: a new head moves nothing.
    """
    for head in cast(Iterable[nn.Sequential], decoder.offset_heads):
        for layer in cast(Iterable[nn.Linear], head[:-1:2]):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
        nn.init.zeros_(cast(nn.Linear, head[-1]).weight)
        nn.init.zeros_(cast(nn.Linear, head[-1]).bias)
