"""Outputs of a forward pass."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Attention:
    """Attention averaged over heads, each [L, B, K, h, w]: Figures A5 and A6 of the supplementary.

    encoder: from each support keypoint to the query's cells.
    decoder: from each keypoint's refinement to the query's cells.
    """

    encoder: Tensor
    decoder: Tensor


@dataclass(frozen=True)
class CapeOutput:
    """Points are (x, y) in [0, 1] of the query image.

    points: [L, B, K, 2], prediction of each decoder layer; the last one is the answer.
    proposals: [B, K, 2], where the decoder starts.
    soft_proposals: [B, K, 2], soft-argmax over the whole grid, the one that is trained.
    similarity: [B, K, h, w], matching logits.
    evidence: [B, K, h, w], the logits that the proposals are the best of: the similarity, with the
        votes of the support's layouts where the network lets them vote.
    references: [L + 1, B, K, 2], the proposals and the update that each layer hands to the next.
    """

    points: Tensor
    proposals: Tensor
    soft_proposals: Tensor
    similarity: Tensor
    evidence: Tensor
    references: Tensor
    attention: Attention | None = None

    def first(self, count: int) -> CapeOutput:
        """The output for the first `count` samples of the batch, without attention maps."""
        return CapeOutput(
            self.points[:, :count],
            self.proposals[:count],
            self.soft_proposals[:count],
            self.similarity[:count],
            self.evidence[:count],
            self.references[:, :count],
        )
