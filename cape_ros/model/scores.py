"""Keypoint scores: a calibrated probability from the statistics of the similarity map."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from cape_ros.core.errors import CheckpointError
from cape_ros.model.proposals import around_best

RIGHT_WITHIN = 0.1  # of the longer side of the object's box
SIGNALS = ("local_mass", "entropy", "peak", "contrast", "company")


def signals(evidence: Tensor, mask: Tensor) -> Tensor:
    """One row per keypoint, [B, K, 5], in the order of `SIGNALS`.

    evidence: [B, K, h, w], logits. mask: [B, K], True = known.

    All but the last are of the keypoint's own evidence.
    local_mass: log of the probability in the 3 x 3 cells around the best one.
    entropy: of the probability, as a part of that of knowing nothing.
    peak: the best cell's logit. contrast: its lead over the mean logit.
    company: mean peak of the object's known keypoints; one alone is seldom right.
    """
    evidence = evidence.float()
    logits, near = evidence.flatten(2), around_best(evidence)
    log_probability = logits.log_softmax(dim=-1)
    probability = log_probability.exp()
    peak = logits.amax(dim=-1)
    known = mask.to(peak)
    company = (peak * known).sum(dim=-1) / known.sum(dim=-1).clamp(min=1)
    uniform = math.log(logits.shape[-1])
    return torch.stack(
        (
            (probability * near).sum(dim=-1).clamp(min=1e-6).log(),
            -(probability * log_probability).sum(dim=-1) / uniform,
            peak,
            peak - logits.mean(dim=-1),
            company.unsqueeze(-1).expand_as(peak),
        ),
        dim=-1,
    )


@dataclass(frozen=True)
class Calibration:
    """Logistic regression from the signals to P(error < `RIGHT_WITHIN` of the box's longer side).

    The default, for weights that were never calibrated, is the local mass itself.
    """

    weights: tuple[float, ...] = ()
    bias: float = 0.0

    def __call__(self, evidence: Tensor, mask: Tensor) -> Tensor:
        """Scores [B, K] in [0, 1]; 0 for a keypoint that no support shot shows (mask [B, K])."""
        seen = signals(evidence, mask)
        if not self.weights:
            return seen[..., 0].exp().clamp(max=1) * mask
        # Number by number: a tensor made of the host's numbers cannot be recorded in a CUDA graph.
        logit = torch.full_like(seen[..., 0], self.bias)
        for weight, signal in zip(self.weights, seen.unbind(dim=-1), strict=True):
            logit = logit + weight * signal
        return torch.sigmoid(logit) * mask

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Calibration:
        """The calibration in a checkpoint's facts, the default one if there is none.

        Raises `CheckpointError` if it is for other signals than these.
        """
        stored = facts.get("calibration")
        if stored is None:
            return cls()
        if not isinstance(stored, Mapping) or list(stored.get("signals", ())) != list(SIGNALS):
            raise CheckpointError("the calibration of the scores is for other signals; train anew")
        return cls(tuple(map(float, stored["weights"])), float(stored["bias"]))

    def to_facts(self) -> dict[str, Any]:
        """The calibration under the key `calibration`, as `from_facts` reads it."""
        return {"calibration": {"signals": list(SIGNALS), **asdict(self)}}
