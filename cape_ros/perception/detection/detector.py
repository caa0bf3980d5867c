"""Where in an image instances of categories may be: the first half of a search."""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

import numpy as np
import torch

from cape_ros.core.pause import Pause
from cape_ros.perception.category import Category
from cape_ros.perception.detection.peaks import Peak, Sides, find_peaks
from cape_ros.perception.detection.pyramid import Pyramid
from cape_ros.perception.detection.voters import Voters, encode_voters
from cape_ros.perception.inference.crops import HostCrops
from cape_ros.perception.inference.network import Network
from cape_ros.perception.inference.progress import Progress
from cape_ros.perception.objects import check_searchable


class Detector:
    """Votes of all categories on the features of one frame; keeps the voters of each category as
    long as it is referenced. progress: is moved by each step."""

    def __init__(self, network: Network, cutter: HostCrops, progress: Progress):
        self._network, self._cutter, self._progress = network, cutter, progress
        self._voters: WeakKeyDictionary[Category, tuple[Voters, ...]] = WeakKeyDictionary()

    def encode(self, category: Category) -> tuple[Voters, ...]:
        """The voters of a category; none where it has no shots."""
        if category not in self._voters:
            self._voters[category] = encode_voters(
                self._network, self._cutter, category.shots, self._progress.move
            )
        return self._voters[category]

    def pyramid(self, image: np.ndarray, between: Pause) -> Pyramid:
        """What the peaks of one image are found in. Arguments as of `Pyramid`.

        Raises `InvalidInput` for an image that is too small to search in.
        """
        check_searchable(image)

        def go_on() -> None:
            self._progress.move()
            between()

        return Pyramid(self._network, self._cutter, image, go_on)

    @torch.inference_mode()
    def peaks(
        self, pyramid: Pyramid, category: Category, hidden: Sequence[np.ndarray], sides: Sides
    ) -> list[Peak]:
        """The peaks of a category, the strongest first. Arguments as of `find_peaks`."""
        self._progress.move()
        return find_peaks(pyramid, self.encode(category), hidden, sides)
