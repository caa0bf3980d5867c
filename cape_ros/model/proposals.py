"""Similarity-aware proposal generator: where on the query's grid does each keypoint match?

Paper, Section 3.4.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cape_ros.model.encoding import cell_centres


class ProposalGenerator(nn.Module):
    """Scaled dot products of keypoint tokens with image tokens."""

    def __init__(self, width: int):
        super().__init__()
        self.support_proj = nn.Linear(width, width)
        self.query_proj = nn.Linear(width, width)
        self.dynamic_proj = nn.Sequential(
            nn.Linear(width, width // 2), nn.ReLU(), nn.Linear(width // 2, width)
        )

    def forward(self, keypoints: Tensor, memory: Tensor) -> Tensor:
        """keypoints [B, K, d], memory [B, h * w, d] -> similarity logits [B, K, h * w]."""
        support = self.support_proj(keypoints)
        support = support * (torch.tanh(self.dynamic_proj(support)) + 1)
        return support @ self.query_proj(memory).transpose(1, 2)


def soft_argmax(similarity: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """similarity [B, K, height * width] -> expected point over all cells, and over the best 3x3.

    Both [B, K, 2], (x, y) in [0, 1]. The first one is trained, the second one starts the decoder.
    """
    probability = similarity.softmax(dim=-1)
    centres = cell_centres(height, width).to(similarity)
    index = similarity.argmax(dim=-1, keepdim=True)
    cells = torch.arange(height * width, device=similarity.device)
    rows, columns = cells // width, cells % width
    near = ((rows - index // width).abs() <= 1) & ((columns - index % width).abs() <= 1)
    local = probability * near
    local = local / local.sum(dim=-1, keepdim=True)
    return probability @ centres, local @ centres
