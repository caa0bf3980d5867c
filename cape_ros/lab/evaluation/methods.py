"""The methods that an evaluation compares: the weights, their proposals, the anchors."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cape_ros.lab.baselines.anchors import copy_layout, imagenet_resnet18, nearest_neighbour
from cape_ros.lab.baselines.interface import AnyNetwork
from cape_ros.lab.datasets.mp100 import Dataset
from cape_ros.lab.datasets.views import Batch, collate, render
from cape_ros.lab.evaluation.pairs import Pair
from cape_ros.model import CapeFormer, CapeOutput, KeypointTokens
from cape_ros.model.cross_check import MOST_CHECKED, Checks, CrossCheck
from cape_ros.model.layout.layout import features_at
from cape_ros.model.layout.rotations import (
    RotationHypothesis,
    best_of_passes,
    judge,
    with_rotations,
)
from cape_ros.model.rigidity import differ_by_view
from cape_ros.model.scores import Calibration
from cape_ros.model.tokens import average_shots
from cape_ros.perception.geometry import PADDING

COPY, NEAREST, PROPOSALS, WEIGHTS = (
    "copy the support layout",
    "nearest neighbour",
    "proposals alone",
    "weights",
)


class FeatureCache:
    """The views of instances, and what backbones make of each: computed when first asked for."""

    def __init__(
        self, dataset: Dataset, net: AnyNetwork, imagenet: Path | None, device: torch.device
    ):
        self.dataset, self.net, self.device = dataset, net.to(device), device
        self._imagenet = imagenet_resnet18(imagenet).to(device) if imagenet else None
        self._views: dict[int, Batch] = {}
        self._features: dict[str, dict[int, Tensor]] = {}
        self._tokens: dict[int, KeypointTokens] = {}
        self._checks: dict[tuple[int, ...], CrossCheck] = {}

    @property
    def methods(self) -> tuple[str, ...]:
        return (COPY, *((NEAREST,) if self._imagenet else ()), PROPOSALS, WEIGHTS)

    def view(self, at: int) -> Batch:
        if at not in self._views:
            one = render(self.dataset.instances[at], self.net.config.image_size)
            batch = collate([one], self.net.config)
            self._views[at] = Batch(
                batch.images.to(self.device),
                batch.points.to(self.device),
                batch.heatmaps.to(self.device),
                batch.weight.to(self.device),
            )
        return self._views[at]

    def features(self, at: int) -> Tensor:
        """Of the network's backbone, [1, C, h, w]."""
        return self._extracted("net", self.net.extract, at)

    def support_features(self, at: int) -> Tensor:
        if self.net.support_backbone is None:
            return self.features(at)
        return self._extracted("support", lambda images: self.net.extract(images, True), at)

    def imagenet_features(self, at: int) -> Tensor:
        assert self._imagenet is not None
        return self._extracted("imagenet", self._imagenet, at)

    def _extracted(self, whose: str, backbone: Callable[[Tensor], Tensor], at: int) -> Tensor:
        known = self._features.setdefault(whose, {})
        if at not in known:
            with torch.inference_mode():
                known[at] = backbone(self.view(at).images)
        return known[at]

    def forget(self, kept: Collection[int]) -> None:
        """Memory for one category at a time: a data set of a hundred would not fit."""
        self._views = {at: one for at, one in self._views.items() if at in kept}
        self._tokens = {at: one for at, one in self._tokens.items() if at in kept}
        for whose, known in self._features.items():
            self._features[whose] = {at: one for at, one in known.items() if at in kept}

    def tokens(self, supports: Sequence[int], drawn: Sequence[int] | None = None) -> KeypointTokens:
        """Of the shots; drawn: only these keypoints, with the landmarks of all. A keypoint must be
        shown by every shot."""
        if not (isinstance(self.net, CapeFormer) and self.net.config.layout):
            shots = [self.view(at) for at in supports]
            some = slice(None) if drawn is None else drawn
            return self.net.pool(
                [self.support_features(at) for at in supports],
                [shot.heatmaps[:, some] for shot in shots],
                [shot.weight[:, some] for shot in shots],
            )
        each = [self._of_shot(at) for at in supports]
        if drawn is not None:
            each = [_only(one, drawn) for one in each]
        known = torch.stack([one.mask for one in each]).all(dim=0)
        return replace(average_shots(each), mask=known)

    def check(self, supports: Sequence[int], calibration: Calibration) -> CrossCheck:
        """The cross-check of the shots, with the scores of this calibration."""
        shots = tuple(supports)
        if shots not in self._checks:
            checks = Checks()
            for at in shots[:MOST_CHECKED] if len(shots) > 1 else ():
                tokens, truth = self.tokens([one for one in shots if one != at]), self.view(at)
                prediction = find(self.net, self.features(at), replace(tokens, rotated=()))
                raw_scores = numpy(calibration(prediction.evidence[None], tokens.mask)[0])
                away = numpy((prediction.points - truth.points[0]).norm(dim=-1)) * PADDING
                judged = numpy(tokens.mask[0] & truth.weight[0].bool()) > 0
                checks.add(raw_scores, away, judged)
            views = [self.view(at) for at in shots]
            layouts = np.array([PADDING * numpy(view.points[0]) for view in views])
            known = np.array([numpy(view.weight[0]) > 0 for view in views])
            self._checks[shots] = checks.result(by_view=differ_by_view(layouts, known))
        return self._checks[shots]

    def _of_shot(self, at: int) -> KeypointTokens:
        if at not in self._tokens:
            self._tokens[at] = self._encode(at)
        return self._tokens[at]

    @torch.inference_mode()
    def _encode(self, at: int) -> KeypointTokens:
        """One shot, upright and rotated, for a network whose layouts vote."""
        assert isinstance(self.net, CapeFormer)
        shot, net = self.view(at), self.net
        upright = net.pool([self.support_features(at)], [shot.heatmaps], [shot.weight])

        def extract(degrees: float) -> tuple[Tensor, Tensor]:
            one = render(self.dataset.instances[at], net.config.image_size, rotation=degrees)
            batch = collate([one], net.config)
            features = net.extract(batch.images.to(self.device), support=True)
            return features, batch.heatmaps.to(self.device)

        return with_rotations(net, upright, extract)


def _only(tokens: KeypointTokens, drawn: Sequence[int]) -> KeypointTokens:
    layouts = tokens.layouts and replace(
        tokens.layouts,
        points=tokens.layouts.points[:, :, drawn],
        known=tokens.layouts.known[:, :, drawn],
    )
    rotated = tuple(_only(one, drawn) for one in tokens.rotated)
    return KeypointTokens(tokens.tokens[:, drawn], tokens.mask[:, drawn], layouts, rotated)


@dataclass(frozen=True)
class Prediction:
    """Of one query: proposals and points [K, 2] in [0, 1], evidence [K, h, w]."""

    proposals: Tensor
    points: Tensor
    evidence: Tensor


@torch.inference_mode()
def find(net: AnyNetwork, features: Tensor, tokens: KeypointTokens) -> Prediction:
    """In features [1, C, h, w], as the node does: also with rotated supports."""

    def forward(_: Tensor | None, tokens: KeypointTokens) -> RotationHypothesis:
        output: CapeOutput = net.match(features, tokens)
        points = output.points[-1]
        answers = (output.proposals, points, output.evidence)
        return judge(answers, output.evidence, points, tokens)

    return Prediction(*(answer[0] for answer in best_of_passes(tokens, forward)))


@torch.inference_mode()
def answers(
    seen: FeatureCache, pair: Pair, calibration: Calibration
) -> tuple[Mapping[str, Tensor], Tensor]:
    """Method -> points [K, 2] in [0, 1] of the query's crop; and the scores [K] of the weights,
    not yet checked."""
    supports, query = pair[:-1], pair[-1]
    predicted = {COPY: copy_layout(torch.cat([seen.view(at).points for at in supports]))}
    if NEAREST in seen.methods:
        prototypes = [
            features_at(seen.imagenet_features(at), seen.view(at).points) for at in supports
        ]
        predicted[NEAREST] = nearest_neighbour(
            torch.cat(prototypes), seen.imagenet_features(query)[0]
        )
    tokens = seen.tokens(supports)
    answer = find(seen.net, seen.features(query), tokens)
    predicted[PROPOSALS], predicted[WEIGHTS] = answer.proposals, answer.points
    return predicted, calibration(answer.evidence[None], tokens.mask)[0]


def numpy(tensor: Tensor) -> np.ndarray:
    return tensor.float().cpu().numpy()
