"""POMNet (Xu et al., ECCV 2022), the method that CapeFormer is measured against.

As far as the CapeFormer paper specifies it: two backbones, a transformer encoder on the query only,
a decoder whose targets are the keypoint tokens, and a heatmap head that sees each refined token
beside the query's features. At 256 x 256 with ResNet-50s it has the published 61.07 M parameters.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cape_ros.lab.baselines.interface import Comparison, output_of
from cape_ros.model import CapeFormerConfig, CapeOutput, KeypointTokens
from cape_ros.model.backbone import build_backbone
from cape_ros.model.encoding import encode_grid, encode_order
from cape_ros.model.losses import mean_of_known
from cape_ros.model.proposals import soft_argmax

LAYERS = 3
DECONVOLUTIONS = 3  # each twice as fine: 8 x 8 cells become 64 x 64
QUARTER = 0.25  # of a cell: how far the best cell's neighbours may pull the answer


class DetrLayer(nn.Module):
    """A post-norm layer of DETR: positions are added to queries and keys, not to values.

    With memory a decoder layer, without an encoder layer.
    """

    def __init__(self, config: CapeFormerConfig, decoder: bool):
        super().__init__()
        width, dropout = config.width, config.dropout
        attention = {"dropout": dropout, "batch_first": True}
        self.self_attn = nn.MultiheadAttention(width, config.heads, **attention)
        self.cross_attn = (
            nn.MultiheadAttention(width, config.heads, **attention) if decoder else None
        )
        self.linear1 = nn.Linear(width, config.feedforward)
        self.linear2 = nn.Linear(config.feedforward, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3 if decoder else 2))
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        tokens: Tensor,
        positions: Tensor,
        key_padding_mask: Tensor | None = None,
        memory: Tensor | None = None,
        memory_positions: Tensor | None = None,
    ) -> Tensor:
        """One layer over tokens [B, N, d]; key_padding_mask [B, N] bool, True = ignored key."""
        placed = tokens + positions
        update, _ = self.self_attn(
            placed, placed, tokens, key_padding_mask=key_padding_mask, need_weights=False
        )
        tokens = self.norms[0](tokens + self.dropout(update))
        if self.cross_attn is not None:
            assert memory is not None
            assert memory_positions is not None
            update, _ = self.cross_attn(
                tokens + positions, memory + memory_positions, memory, need_weights=False
            )
            tokens = self.norms[1](tokens + self.dropout(update))
        update = self.linear2(self.dropout(F.relu(self.linear1(tokens))))
        attended: Tensor = self.norms[-1](tokens + self.dropout(update))
        return attended


class POMNet(Comparison):
    """POMNet, with backbone, grid, width, heads, feed-forward and dropout of the configuration."""

    def __init__(self, config: CapeFormerConfig | None = None):
        super().__init__()
        self.config = config = config or CapeFormerConfig()
        width = config.width
        self.backbone = build_backbone(config.backbone, config.stride)
        self.support_backbone: nn.Module | None = build_backbone(config.backbone, config.stride)
        self.input_proj = nn.Conv2d(self.backbone.channels, width, kernel_size=1)
        self.token_proj = nn.Linear(self.backbone.channels, width)
        self.encoder = nn.ModuleList(DetrLayer(config, decoder=False) for _ in range(LAYERS))
        self.decoder = nn.ModuleList(DetrLayer(config, decoder=True) for _ in range(LAYERS))
        self.norm = nn.LayerNorm(width)
        finer: list[nn.Module] = [nn.Conv2d(2 * width, width, 3, padding=1)]
        for _ in range(DECONVOLUTIONS):
            finer += [
                nn.ConvTranspose2d(width, width, 4, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(),
            ]
        self.head = nn.Sequential(*finer, nn.Conv2d(width, 1, kernel_size=1))

    def extract(self, images: Tensor, support: bool = False) -> Tensor:
        """Normalised images [B, 3, H, W] -> features [B, C, h, w]."""
        backbone = self.support_backbone if support else self.backbone
        assert backbone is not None
        features: Tensor = backbone(images)
        return features

    def match(self, features: Tensor, tokens: KeypointTokens) -> CapeOutput:
        """Query features [B, C, h, w]; `similarity` are the heatmaps [B, K, 8 h, 8 w]."""
        image = self.input_proj(features)
        height, width = image.shape[-2:]
        grid = encode_grid(height, width, image.shape[1]).to(image)
        memory = image.flatten(2).transpose(1, 2)
        for layer in self.encoder:
            memory = layer(memory, grid)
        count = tokens.tokens.shape[1]
        order = encode_order(self.config.order_length, image.shape[1])[:count].to(image)
        key_padding_mask = ~tokens.mask
        key_padding_mask = key_padding_mask & ~key_padding_mask.all(
            dim=1, keepdim=True
        )  # attention needs a key
        keypoints = tokens.tokens
        for layer in self.decoder:
            keypoints = layer(keypoints, order, key_padding_mask, memory, grid)
        keypoints = self.norm(keypoints)
        refined = memory.transpose(1, 2).unflatten(-1, (height, width))
        heatmaps = self._heatmaps(keypoints, refined)
        return output_of(heatmaps, best_points(heatmaps), soft_argmax(heatmaps))

    def losses(
        self, output: CapeOutput, points: Tensor, heatmaps: Tensor, weight: Tensor
    ) -> dict[str, Tensor]:
        """Mean squared error against the Gaussians [B, K, H, W]; points are not used."""
        target = F.interpolate(heatmaps, size=output.similarity.shape[-2:], mode="bilinear")
        squares = (output.similarity - target).square().mean(dim=(-2, -1))
        loss = mean_of_known(squares, weight)
        return {"heatmap_loss": loss, "loss": loss}

    def _heatmaps(self, keypoints: Tensor, image: Tensor) -> Tensor:
        """Heatmaps [B, K, 8 h, 8 w] of keypoints [B, K, d], each with image [B, d, h, w]."""
        batch, count, width = keypoints.shape
        rows, columns = image.shape[-2:]
        token = keypoints[..., None, None].expand(-1, -1, -1, rows, columns)
        beside = image[:, None].expand(-1, count, -1, -1, -1)
        both = torch.cat((token, beside), dim=2).reshape(-1, 2 * width, rows, columns)
        maps: Tensor = self.head(both)[:, 0].unflatten(0, (batch, count))
        return maps


def best_points(heatmaps: Tensor) -> Tensor:
    """The best cell of each [B, K, h, w], moved a quarter towards its higher neighbour on each
    axis: [B, K, 2], (x, y) in [0, 1]."""
    height, width = heatmaps.shape[-2:]
    best = heatmaps.flatten(2).argmax(dim=-1)
    row, column = best // width, best % width
    padded = F.pad(heatmaps, (1, 1, 1, 1), mode="replicate").flatten(2)

    def value(down: int, across: int) -> Tensor:
        at = (row + 1 + down) * (width + 2) + column + 1 + across
        return padded.gather(2, at.unsqueeze(-1)).squeeze(-1)

    x = column + 0.5 + QUARTER * torch.sign(value(0, 1) - value(0, -1))
    y = row + 0.5 + QUARTER * torch.sign(value(1, 0) - value(-1, 0))
    return torch.stack((x / width, y / height), dim=-1)
