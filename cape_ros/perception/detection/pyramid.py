"""The features of a whole frame at a few resolutions."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from torch import Tensor
from torch.nn import functional as F

from cape_ros.core.pause import Pause, no_pause
from cape_ros.perception.inference.crops import HostCrops, as_stored
from cape_ros.perception.inference.network import Network

LENGTHS = (64, 32, 16)  # cells along the longer side of the frame
LONGEST = 512  # pixels along it: what coarse backbones would need more for is too slow
MULTIPLE = 32  # pixels: the largest stride of a backbone


@dataclass(frozen=True)
class Level:
    """features: [h, w, C], L2-normalised, of the frame at `zoom` cells per frame pixel."""

    features: Tensor
    zoom: float


class Pyramid:
    """The levels of an image [H, W, 3] uint8 RGB, the finest first; each is computed when it is
    first asked for.

    zooms: cells per frame pixel of each level. between: is called before each stage of a pass.
    """

    def __init__(
        self,
        network: Network,
        cutter: HostCrops,
        image: np.ndarray,
        between: Pause = no_pause,
    ) -> None:
        self._network, self._cutter, self._between = network, cutter, between
        self._source, self._backwards = as_stored(image)
        stride = network.config.stride
        lengths = {min(LONGEST, cells * stride) for cells in LENGTHS}
        self._lengths = sorted(lengths, reverse=True)
        self.zooms = [length / stride / max(image.shape[:2]) for length in self._lengths]
        self._levels: dict[int, Level] = {}

    def level(self, number: int) -> Level:
        """The level at this place."""
        if number not in self._levels:
            self._between()
            pixels = _resize(self._source, self._lengths[number])
            if self._backwards:
                pixels = np.ascontiguousarray(pixels[..., ::-1])
            # The others take a quarter of the finest one's time, or less: they are one stage.
            within = no_pause if number else self._between
            features = self._network.extract(self._cutter.upload(pixels[None]), between=within)[0]
            features = F.normalize(features.movedim(0, -1).float(), dim=-1)
            self._levels[number] = Level(features, self.zooms[number])
        return self._levels[number]


def _resize(image: np.ndarray, length: int) -> np.ndarray:
    """The image with this longer side, continued to whole cells."""
    height, width = image.shape[:2]
    zoom = length / max(height, width)
    size = max(1, round(width * zoom)), max(1, round(height * zoom))
    way = cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR
    small = cv2.resize(image, size, interpolation=way)
    right, down = (math.ceil(n / MULTIPLE) * MULTIPLE - n for n in size)
    return cv2.copyMakeBorder(small, 0, down, 0, right, cv2.BORDER_REPLICATE)
