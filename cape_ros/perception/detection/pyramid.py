"""The features of a whole frame at a few resolutions."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from torch import Tensor
from torch.nn import functional as F

from cape_ros.perception.inference.crops import HostCrops, as_stored
from cape_ros.perception.inference.network import Network

LENGTHS = (64, 32, 16)  # cells along the longer side of the frame
LONGEST = 512  # pixels along it: what coarse backbones would need more for is too slow
MULTIPLE = 32  # pixels: the largest stride of a backbone


@dataclass(frozen=True)
class Level:
    """features: [h, w, C], L2-normalised, of the frame at `zoom` level pixels per frame pixel."""

    features: Tensor
    zoom: float


def pyramid(
    network: Network,
    cutter: HostCrops,
    image: np.ndarray,
    between: Callable[[], None] | None = None,
) -> list[Level]:
    """The levels of an image [H, W, 3] uint8 RGB, the finest first.

    between: is called before each pass of the network.
    """
    source, backwards = as_stored(image)
    lengths = {min(LONGEST, cells * network.config.stride) for cells in LENGTHS}
    levels = []
    for length in sorted(lengths, reverse=True):
        if between:
            between()
        pixels, zoom = _resize(source, length)
        if backwards:
            pixels = np.ascontiguousarray(pixels[..., ::-1])
        features = network.extract(cutter.upload(pixels[None]))[0].movedim(0, -1).float()
        levels.append(Level(F.normalize(features, dim=-1), zoom))
    return levels


def _resize(image: np.ndarray, length: int) -> tuple[np.ndarray, float]:
    """The image with this longer side, continued to whole cells, and level pixels per pixel."""
    height, width = image.shape[:2]
    zoom = length / max(height, width)
    size = max(1, round(width * zoom)), max(1, round(height * zoom))
    way = cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR
    small = cv2.resize(image, size, interpolation=way)
    right, down = (math.ceil(n / MULTIPLE) * MULTIPLE - n for n in size)
    return cv2.copyMakeBorder(small, 0, down, 0, right, cv2.BORDER_REPLICATE), zoom
