"""CapeFormer: proposals by matching, then refinement (CVPR 2023).

`encode_support`, or `extract` and `pool`, once per registered category; `forward`, or `extract` and
`answer`, once per frame.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cape_ros.core.errors import InvalidInput
from cape_ros.core.pause import Pause, no_pause
from cape_ros.model import released
from cape_ros.model.backbone import build_backbone
from cape_ros.model.config import CapeFormerConfig
from cape_ros.model.decoder import Decoder
from cape_ros.model.encoder import Encoder
from cape_ros.model.encoding import at_least_single, encode_grid, encode_order
from cape_ros.model.layout.layout import (
    MOST_LAYOUTS,
    Layouts,
    agreement,
    centres_of,
    features_at,
    place_landmarks,
)
from cape_ros.model.output import Attention, CapeOutput
from cape_ros.model.pooling import pool_keypoints
from cape_ros.model.proposals import ProposalGenerator, local_argmax, soft_argmax
from cape_ros.model.tokens import KeypointTokens


class CapeFormer(nn.Module):
    """The two-stage network of the paper; see `CapeFormerConfig` for its variants."""

    def __init__(self, config: CapeFormerConfig | None = None):
        super().__init__()
        self.config = config = config or CapeFormerConfig()
        width = config.width
        transformer = (width, config.heads, config.feedforward, config.dropout)
        self.backbone = build_backbone(config.backbone, config.stride)
        self.support_backbone = (
            None if config.shared_backbone else build_backbone(config.backbone, config.stride)
        )
        self.input_proj = nn.Conv2d(self.backbone.channels, width, kernel_size=1)
        self.token_proj = nn.Linear(self.backbone.channels, width)
        self.token_norm = nn.LayerNorm(width) if config.pooling > 1 else nn.Identity()
        self.encoder = Encoder(config.encoder_layers, *transformer)
        self.proposals = ProposalGenerator(width)
        self.decoder = (
            Decoder(config.decoder_layers, *transformer, config.shared_offset_head)
            if config.decoder_layers
            else None
        )
        self.grid_encoding: Tensor
        self.order_encoding: Tensor
        self.register_buffer(
            "grid_encoding", encode_grid(*config.token_grid, width), persistent=False
        )
        self.register_buffer(
            "order_encoding", encode_order(config.order_length, width), persistent=False
        )
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        """Xavier uniform; the layers of a stack start equal, as clones of one layer do."""
        for module in (self.encoder, self.proposals, self.decoder):
            for name, parameter in module.named_parameters() if module else ():
                if parameter.dim() > 1 and "offset_heads" not in name:
                    nn.init.xavier_uniform_(parameter)
        for stack in (self.encoder, self.decoder):
            if stack and len(stack.layers) > 1:
                first = stack.layers[0].state_dict()
                for layer in stack.layers[1:]:
                    layer.load_state_dict(first)

    @classmethod
    def from_released(cls, state_dict: Mapping[str, Tensor], **config: Any) -> CapeFormer:
        """A network in evaluation mode with the parameters of a released checkpoint (780 keys).

        `config` are fields of `CapeFormerConfig` that differ from the released model's. Raises
        `CheckpointError` that names every missing, unexpected and misshapen key.
        """
        net = cls(CapeFormerConfig(**config))
        net.load_state_dict(released.to_ours(state_dict, net))
        return net.eval()

    def released_state_dict(self) -> dict[str, Tensor]:
        """The parameters under the released key names."""
        return released.from_ours(self)

    def extract(self, images: Tensor, support: bool = False, between: Pause = no_pause) -> Tensor:
        """Normalised images [B, 3, H, W] -> features [B, C, h, w]. between: is called between the
        stages of the backbone."""
        images = images.to(self.input_proj.weight.dtype)
        own = self.support_backbone if support else None
        features: Tensor = (self.backbone if own is None else own)(images, between)
        return features

    def encode_support(
        self, images: Sequence[Tensor], heatmaps: Sequence[Tensor], masks: Sequence[Tensor]
    ) -> KeypointTokens:
        """Keypoint tokens of a support set; nothing of it is computed again for a frame.

        Per shot: images [B, 3, H, W], heatmaps [B, K, H', W'], masks [B, K] (0 = not shown).
        A keypoint must be shown by every shot to be known.
        """
        features = [self.extract(image, support=True) for image in images]
        return self.pool(features, heatmaps, masks)

    def pool(
        self, features: Sequence[Tensor], heatmaps: Sequence[Tensor], masks: Sequence[Tensor]
    ) -> KeypointTokens:
        """`encode_support` from features [B, C, h, w] per shot that are already there."""
        pooled = torch.stack(
            [
                pool_keypoints(feature.to(heatmap.dtype), heatmap)
                for feature, heatmap in zip(features, heatmaps, strict=True)
            ]
        ).mean(dim=0)
        mask = torch.stack([mask.bool() for mask in masks]).all(dim=0)
        pooled = (pooled * mask.unsqueeze(-1)).to(self.token_proj.weight.dtype)
        tokens = at_least_single(self.token_proj(pooled))
        if not self.config.layout:
            return KeypointTokens(tokens, mask)
        shots = zip(features, heatmaps, masks, strict=True)
        layouts = [self._layout(*shot) for shot in itertools.islice(shots, MOST_LAYOUTS)]
        return KeypointTokens(tokens, mask, Layouts.of_shots(layouts))

    def _layout(self, features: Tensor, heatmaps: Tensor, mask: Tensor) -> Layouts:
        """Of one shot."""
        points, known = centres_of(heatmaps), mask.bool()
        places = place_landmarks(points, known)
        seen = features_at(features, places).to(self.token_proj.weight.dtype)
        landmarks = at_least_single(self.token_proj(seen))
        return Layouts(*(one.unsqueeze(1) for one in (points, known, places, landmarks)))

    def forward(
        self,
        query: Tensor,
        tokens: KeypointTokens,
        *,
        order_length: int | None = None,
        attention: bool = False,
    ) -> CapeOutput:
        """Find the keypoints of `tokens` in normalised query images [B, 3, H, W].

        order_length: length over which the order of the keypoints is encoded (default: the
            config's 100); the released model pads to 100 and so always means 100.
        Raises `InvalidInput` if there are more keypoints than the order length.
        """
        return self.match(
            self.extract(query), tokens, order_length=order_length, attention=attention
        )

    def match(
        self,
        features: Tensor,
        tokens: KeypointTokens,
        *,
        order_length: int | None = None,
        attention: bool = False,
    ) -> CapeOutput:
        """`forward` from query features [B, C, h, w] that are already there."""
        matched = self._match(features, tokens, order_length, attention)
        similarity, evidence = matched.similarity, matched.evidence
        proposals = local_argmax(evidence)
        if self.decoder:
            points, references, decoder_maps = self.decoder(
                *matched.starting(proposals), attention=attention
            )
        else:
            points = references = proposals[None]
            decoder_maps = []
        cells = matched.memory.shape[1]

        def on_grid(maps: list[Tensor]) -> Tensor:
            if not maps:
                return similarity.new_zeros(0, *similarity.shape[:2], *matched.grid_size)
            stacked: Tensor = torch.stack(maps).unflatten(-1, matched.grid_size)
            return stacked

        return CapeOutput(
            points,
            proposals,
            soft_argmax(similarity),
            similarity,
            evidence,
            references,
            Attention(
                on_grid([m[:, cells:, :cells] for m in matched.attention]), on_grid(decoder_maps)
            )
            if attention
            else None,
        )

    def answer(self, features: Tensor, tokens: KeypointTokens) -> tuple[Tensor, Tensor]:
        """`match` without what only training and inspection need: its last points [B, K, 2], and
        the evidence [B, K, h, w]."""
        matched = self._match(features, tokens, None, False)
        points = local_argmax(matched.evidence)
        if self.decoder:
            points = self.decoder.answer(*matched.starting(points))
        return points, matched.evidence

    def _match(
        self, features: Tensor, tokens: KeypointTokens, order_length: int | None, attention: bool
    ) -> _Matched:
        """Encoder, similarity and votes."""
        # As a product, which is faster on a CPU than a convolution of one cell.
        projection = self.input_proj
        projected = F.linear(features.movedim(1, -1), projection.weight.flatten(1), projection.bias)
        image = self.token_norm(projected).movedim(-1, 1)
        coarse = F.avg_pool2d(image, self.config.pooling) if self.config.pooling > 1 else image
        height, width = coarse.shape[-2:]
        cells, count = height * width, tokens.tokens.shape[1]
        order = self._order(count, order_length)
        grid = self._grid(height, width)
        key_padding_mask = ~_open_one(tokens.mask)
        support = self.token_norm(tokens.tokens.to(self.token_proj.weight.dtype))
        refined, maps = self.encoder(
            torch.cat((coarse.flatten(2).transpose(1, 2), support), dim=1),
            torch.cat((grid, order)),
            torch.cat(
                (key_padding_mask.new_zeros(key_padding_mask.shape[0], cells), ~tokens.mask), dim=1
            ),
            attention,
        )
        memory, keypoints = refined[:, :cells], refined[:, cells:]
        where = self._spread(memory, coarse, image)
        layouts, searched = tokens.layouts, keypoints
        if layouts:
            landmarks = self.token_norm(layouts.landmarks.flatten(1, 2).to(support.dtype))
            searched = torch.cat((keypoints, landmarks), dim=1)
        seen = at_least_single(self.proposals(searched, where))
        seen = seen.unflatten(-1, features.shape[-2:])
        similarity = evidence = seen[:, :count]
        if layouts:
            landmarks = seen[:, count:].unflatten(1, layouts.landmarks.shape[1:3])
            with torch.autocast(similarity.device.type, enabled=False):
                evidence = similarity + agreement(similarity, landmarks, layouts)
        return _Matched(
            keypoints,
            order,
            memory,
            grid,
            (height, width),
            key_padding_mask,
            similarity,
            evidence,
            maps,
        )

    def _spread(self, memory: Tensor, coarse: Tensor, image: Tensor) -> Tensor:
        """Adds the encoder's update of the pooled tokens to the cells that each of them covers.

        memory [B, N, d] of the encoder; coarse [B, d, h', w'], image [B, d, h, w] -> [B, h * w, d].
        """
        if coarse is image:
            return memory
        update = memory.transpose(1, 2).view_as(coarse) - coarse
        update = F.interpolate(update, size=image.shape[-2:], mode="bilinear", align_corners=False)
        return (image + update).flatten(2).transpose(1, 2)

    def _order(self, count: int, length: int | None) -> Tensor:
        length = length or self.config.order_length
        if count > length:
            raise InvalidInput.of(
                "keypoints", f"{count} are more than the {length} whose order can be encoded"
            )
        if length == self.config.order_length:
            return self.order_encoding[:count]
        return encode_order(length, self.config.width)[:count].to(self.order_encoding)

    def _grid(self, height: int, width: int) -> Tensor:
        if (height, width) == self.config.token_grid:
            return self.grid_encoding
        return encode_grid(height, width, self.config.width).to(self.grid_encoding)


@dataclass(frozen=True)
class _Matched:
    """The decoder's inputs: keypoints [B, K, d] and memory [B, N, d] of the encoder, their
    encodings, key_padding_mask [B, K] of the keypoints, similarity and evidence [B, K, h, w];
    attention of the encoder."""

    keypoints: Tensor
    order: Tensor
    memory: Tensor
    grid: Tensor
    grid_size: tuple[int, int]
    key_padding_mask: Tensor
    similarity: Tensor
    evidence: Tensor
    attention: list[Tensor]

    def starting(self, points: Tensor) -> tuple[Tensor, ...]:
        """The decoder's inputs."""
        return self.keypoints, self.order, points, self.memory, self.grid, self.key_padding_mask


def _open_one(mask: Tensor) -> Tensor:
    """A sample without any known keypoint gets its first one opened: attention needs a key."""
    first = torch.zeros_like(mask)
    first[:, 0] = ~mask.any(dim=1)
    return mask | first
