"""A network on a device, as the estimator calls it: crops to features, features to keypoints."""

from __future__ import annotations

import torch
from torch import Tensor

from cape_ros.core.pause import Pause, no_pause
from cape_ros.model import CapeFormer, KeypointTokens
from cape_ros.model.inference import ready
from cape_ros.model.layout.rotations import RotationHypothesis, best_of_passes, judge
from cape_ros.model.scores import Calibration
from cape_ros.perception.inference.fused_blocks import fused_or_plain


class Network:
    """Every call is one pass, op by op."""

    def __init__(
        self,
        net: CapeFormer,
        calibration: Calibration,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
    ):
        """net: is copied, and stays as it is."""
        self.device, self.config = device, net.config
        self.net = ready(net, device, dtype)
        if device.type == "cuda":
            self.net.backbone = fused_or_plain(self.net.backbone)
        self._calibration = calibration

    def prepare(self, keypoints: int, shots: int) -> None:
        """Prepare for categories of up to this many keypoints and shots; may take seconds."""

    def extract(self, images: Tensor, support: bool = False, between: Pause = no_pause) -> Tensor:
        """Normalised crops [N, 3, H, W] -> features [N, C, h, w], which the next call may use the
        memory of. between: is called between stages, where these take their time."""
        return self.net.extract(images, support, between)

    def find(self, features: Tensor, tokens: KeypointTokens) -> tuple[Tensor, Tensor]:
        """Points [B, K, 2] in [0, 1] of each crop, and scores [B, K], both float32."""

        def forward(samples: Tensor | None, tokens: KeypointTokens) -> RotationHypothesis:
            return self.forward(features if samples is None else features[samples], tokens)

        points, scores = best_of_passes(tokens, forward)
        return points, scores

    def forward(self, features: Tensor, tokens: KeypointTokens) -> RotationHypothesis:
        """One pass: points and scores, as `find` has them, of these tokens only."""
        points, evidence = self.net.answer(features, tokens)
        scores = self._calibration(evidence, tokens.mask)
        return judge((points, scores), evidence, points, tokens)
