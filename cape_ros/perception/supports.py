"""What a registered category's shots become: keypoint tokens, upright and turned; and what the
shots say of each other's scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from cape_ros.model import KeypointTokens
from cape_ros.model.cross_check import Checks, CrossCheck
from cape_ros.model.layout.rotations import ANGLES, not_yet_turned, turned_by
from cape_ros.model.tokens import average_shots, each_without, stack_tokens
from cape_ros.perception.category import SupportShot
from cape_ros.perception.geometry import Box, Crop, clean_box, support_heatmaps
from cape_ros.perception.inference.batches import Batches
from cape_ros.perception.inference.crops import HostCrops
from cape_ros.perception.inference.network import Network

TOGETHER = 8  # shots in one pass
TURNED_TOGETHER = 2  # on a CPU: frames wait for such a pass no longer than for another frame

EncodedSupports = tuple[KeypointTokens, Iterator[KeypointTokens]]
"""The tokens of a category, upright and checked; and better ones each time, a pass of the network
later, in the end as it looks from all sides. None are better where layouts do not vote."""


@dataclass(frozen=True)
class SeenShot:
    """One shot: its upright tokens, and its features as a query's [1, C, h, w]; batches of one."""

    shot: SupportShot
    tokens: KeypointTokens
    features: Tensor


def encode_shots(
    network: Network, cutter: HostCrops, batches: Batches, shots: Sequence[SupportShot]
) -> EncodedSupports:
    """All shots of a category."""
    each, check = _see_upright(network, cutter, batches, shots)
    upright = replace(not_yet_turned(average_shots(each)), check=check)
    together = TOGETHER if network.device.type == "cuda" else TURNED_TOGETHER

    def see(degrees: float, some: slice) -> KeypointTokens:
        features, marked, _ = _see(network, cutter, shots[some], degrees)
        return turned_by(degrees, network.net, stack_tokens(each[some]), features, marked)

    @torch.inference_mode()
    def better() -> Iterator[KeypointTokens]:
        tokens, turned = upright, list(upright.turned)
        for at in range(len(turned)):
            looks = []
            for some, look in batches.run(len(shots), partial(see, ANGLES[at]), together):
                looks.append(look)
                if some.stop == len(shots):
                    turned[at] = average_shots(looks)
                    tokens = replace(tokens, turned=tuple(turned))
                yield tokens

    return upright, better()


def cross_check(network: Network, batches: Batches, shots: Sequence[SeenShot]) -> CrossCheck:
    """What shots say of each other's scores."""
    others = each_without([one.tokens for one in shots])
    checks = Checks()
    for some, (points, scores) in batches.run(
        len(others),
        lambda some: network.find(
            torch.cat([one.features for one in shots[some]]), stack_tokens(others[some])
        ),
    ):
        for one, tokens, found, score in zip(
            shots[some], others[some], points.cpu().numpy(), scores.cpu().numpy(), strict=True
        ):
            box = _box(one.shot)
            crop = Crop.of_box(box, network.config.image_size)
            away = np.linalg.norm(crop.to_image(found) - one.shot.keypoints, axis=1) / max(box[2:])
            judged = one.shot.visible & tokens.mask[0].cpu().numpy()
            checks.add(score, away, judged)
    return checks.result()


def _see_upright(
    network: Network, cutter: HostCrops, batches: Batches, shots: Sequence[SupportShot]
) -> tuple[list[KeypointTokens], CrossCheck]:
    """Tokens of each shot, a batch of one, and what they say of each other. Their features, which
    take the most memory, are gone then."""

    def see(some: slice) -> list[SeenShot]:
        features, marked, known = _see(network, cutter, shots[some])
        shared = network.config.shared_backbone
        seen = features if shared else network.extract(_cut(cutter, shots[some]))
        kept = seen.clone()  # the next pass uses its memory
        tokens = network.net.pool([features], [marked], [known])
        return [
            SeenShot(shot, tokens.sample(at), kept[at : at + 1])
            for at, shot in enumerate(shots[some])
        ]

    seen = [shot for _, some in batches.run(len(shots), see, TOGETHER) for shot in some]
    return [shot.tokens for shot in seen], cross_check(network, batches, seen)


def _see(
    network: Network, cutter: HostCrops, shots: Sequence[SupportShot], rotation: float = 0.0
) -> tuple[Tensor, Tensor, Tensor]:
    """Features of shots [N, C, h, w] that are turned by `rotation` degrees, soft masks of their
    keypoints [N, K, 64, 64], and whether each is shown [N, K]."""
    config = network.config
    maps, shown = [], []
    for shot in shots:
        crop = Crop.of_box(_box(shot), config.image_size, rotation=rotation)
        heatmaps, weight = support_heatmaps(
            crop.to_crop(shot.keypoints),
            shot.visible,
            config.image_size,
            sigma=config.mask_sigma,
            rounded=config.round_masks,
        )
        maps.append(heatmaps)
        shown.append(weight)
    marked = torch.from_numpy(np.stack(maps)).to(network.device)
    features = network.extract(_cut(cutter, shots, rotation), support=True)
    return features, marked, torch.from_numpy(np.stack(shown)).to(network.device)


def _cut(cutter: HostCrops, shots: Sequence[SupportShot], rotation: float = 0.0) -> Tensor:
    """Normalised crops [N, 3, H, W]."""
    return torch.cat([cutter.cut(shot.image, [_box(shot)], rotation) for shot in shots])


def _box(shot: SupportShot) -> Box:
    height, width = shot.image.shape[:2]
    return clean_box(shot.box, width, height)
