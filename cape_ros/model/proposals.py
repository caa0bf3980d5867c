"""Similarity-aware proposal generator: where on the query's grid does each keypoint match?

Paper, Section 3.4.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

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
        """Similarity logits [B, K, h * w] of keypoints [B, K, d] and memory [B, h * w, d]."""
        support = self.support_proj(keypoints)
        support = support * (torch.tanh(self.dynamic_proj(support)) + 1)
        # Of query_proj(memory), the keypoints take the projection: they are fewer than the cells.
        query = self.query_proj
        similarity: Tensor = (support @ query.weight) @ memory.transpose(1, 2)
        similarity += (support @ query.bias).unsqueeze(-1)
        return similarity


def soft_argmax(logits: Tensor) -> Tensor:
    """The expected point over all cells of logits [B, K, h, w]: [B, K, 2], (x, y) in [0, 1]."""
    return logits.flatten(2).softmax(dim=-1) @ _centres(logits)


def local_argmax(logits: Tensor) -> Tensor:
    """The expected point over the best cell of logits [B, K, h, w] and its eight neighbours:
    [B, K, 2], (x, y) in [0, 1]."""
    local = logits.flatten(2).softmax(dim=-1) * around_best(logits)
    local = local / local.sum(dim=-1, keepdim=True)
    return local @ _centres(logits)


def _centres(logits: Tensor) -> Tensor:
    height, width = logits.shape[-2:]
    return cell_centres(height, width, logits.dtype, logits.device)


def around_best(logits: Tensor) -> Tensor:
    """1 at the best cell of logits [B, K, h, w] and its eight neighbours, else 0: [B, K, h * w]."""
    flat = logits.flatten(2)
    best = torch.zeros_like(flat).scatter_(2, flat.argmax(dim=-1, keepdim=True), 1)
    return F.max_pool2d(best.view_as(logits), kernel_size=3, stride=1, padding=1).flatten(2)
