"""How far a keypoint is to be trusted, from what the network shows of its own doubt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from cape_ros.errors import CheckpointError
from cape_ros.model.capeformer import CapeOutput

SIGNALS = ("local_mass", "entropy", "peak", "contrast", "moved")


def signals(output: CapeOutput) -> Tensor:
    """One row per keypoint, [B, K, 5], in the order of `SIGNALS`.

    local_mass: log of the matching probability in the 3 x 3 cells around the best one.
    entropy: of the matching probability, as a part of that of knowing nothing.
    peak: the best cell's logit. contrast: its lead over the mean logit.
    moved: distance from the proposal to the answer, as a part of the image's side.
    """
    logits = output.similarity.float().flatten(2)
    height, width = output.similarity.shape[-2:]
    log_probability = logits.log_softmax(dim=-1)
    probability = log_probability.exp()
    peak, best = logits.max(dim=-1)
    cells = torch.arange(height * width, device=logits.device)
    rows, columns = cells // width, cells % width
    best = best.unsqueeze(-1)
    near = ((rows - best // width).abs() <= 1) & ((columns - best % width).abs() <= 1)
    uniform = torch.log(torch.tensor(float(height * width)))
    return torch.stack(
        (
            (probability * near).sum(dim=-1).clamp(min=1e-6).log(),
            -(probability * log_probability).sum(dim=-1) / uniform,
            peak,
            peak - logits.mean(dim=-1),
            (output.points[-1] - output.proposals).float().norm(dim=-1),
        ),
        dim=-1,
    )


@dataclass(frozen=True)
class Calibration:
    """Logistic regression from the signals to P(error < 0.1 of the box's longer side).

    The default, for weights that were never calibrated, is the local mass itself.
    """

    weights: tuple[float, ...] = ()
    bias: float = 0.0

    def __call__(self, output: CapeOutput, mask: Tensor) -> Tensor:
        """Scores [B, K] in [0, 1]; 0 for a keypoint that no support shot shows (mask [B, K])."""
        seen = signals(output)
        if not self.weights:
            return seen[..., 0].exp().clamp(max=1) * mask
        return torch.sigmoid(seen @ seen.new_tensor(self.weights) + self.bias) * mask

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
        """What `from_facts` reads, under the key `calibration`."""
        return {"calibration": {"signals": list(SIGNALS), **asdict(self)}}
