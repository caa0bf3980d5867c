"""What a registered category's shots become: keypoint tokens, upright and turned."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from cape_ros.model import KeypointTokens
from cape_ros.model.turns import with_turns
from cape_ros.perception.category import SupportShot
from cape_ros.perception.crops import HostCrops
from cape_ros.perception.geometry import Crop, clean_box, support_heatmaps
from cape_ros.perception.network import Network


def encode_shots(
    network: Network, cutter: HostCrops, shots: Sequence[SupportShot]
) -> KeypointTokens:
    """Tokens of some shots, one sample each; turned, too, where layouts vote."""
    features, marked, known = _see(network, cutter, shots)
    upright = network.net.pool([features], [marked], [known])
    return with_turns(
        network.net, upright, lambda degrees: _see(network, cutter, shots, degrees)[:2]
    )


def _see(
    network: Network, cutter: HostCrops, shots: Sequence[SupportShot], rotation: float = 0.0
) -> tuple[Tensor, Tensor, Tensor]:
    """Features of shots [N, C, h, w] that are turned by `rotation` degrees, soft masks of their
    keypoints [N, K, 64, 64], and whether each is shown [N, K]."""
    config = network.config
    crops, maps, shown = [], [], []
    for shot in shots:
        height, width = shot.image.shape[:2]
        box = clean_box(shot.box, width, height)
        crops.append(cutter.cut(shot.image, [box], rotation))
        heatmaps, weight = support_heatmaps(
            Crop.of_box(box, config.image_size, rotation=rotation).to_crop(shot.keypoints),
            shot.visible,
            config.image_size,
            sigma=config.mask_sigma,
            rounded=config.round_masks,
        )
        maps.append(heatmaps)
        shown.append(weight)
    marked = torch.from_numpy(np.stack(maps)).to(network.device)
    features = network.extract(torch.cat(crops), support=True)
    return features, marked, torch.from_numpy(np.stack(shown)).to(network.device)
