"""Absence trials of the scores: a support of another category, and an image without the object.

In both every answer is wrong, so every score should be low.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from cape_ros.core.images import read_image
from cape_ros.lab.datasets.mp100 import Dataset
from cape_ros.lab.datasets.views import normalise
from cape_ros.lab.evaluation.methods import FeatureCache, find, numpy
from cape_ros.lab.evaluation.pairs import SEED, Pair
from cape_ros.model.scores import Calibration
from cape_ros.perception.geometry import PADDING, Box, Crop, crop_image
from cape_ros.perception.trust import Trust

MOST_TRIALS = 100  # of the pairs of a category
STRANGERS = 8  # objects of each category that are drawn as supports of others
BACKGROUNDS = 20
SIDES = (1.0, 0.7, 0.5, 0.35)  # of a background, as parts of the object's longer side
STEPS = 5  # places that are tried for it, across and down
SMALLEST = 32  # pixels: a smaller window shows nothing


class MatchTrial(NamedTuple):
    """Of the points of a pair: scores [N], and matches [N], as `ObjectKeypoints` has them."""

    scores: np.ndarray
    matches: np.ndarray


@dataclass(eq=False)
class Trials:
    """The scores and matches of points, per pair. `right` is the pair's own support with as many
    keypoints as `swapped` has; `own` is it with all its keypoints, as `empty` has."""

    right: list[MatchTrial] = field(default_factory=list)
    swapped: list[MatchTrial] = field(default_factory=list)
    own: list[MatchTrial] = field(default_factory=list)
    empty: list[MatchTrial] = field(default_factory=list)

    def facts(self) -> dict[str, dict[str, float | int]]:
        """For each trial the median score, that of the right support, their ratio, and how many
        objects would be reported (mean match from `Trust.presence_threshold` on)."""
        return {
            name: _compare(wrong, right)
            for name, wrong, right in (
                ("swapped", self.swapped, self.right),
                ("empty", self.empty, self.own),
            )
            if wrong
        }

    def add(self, other: Trials) -> None:
        for name in ("right", "swapped", "own", "empty"):
            getattr(self, name).extend(getattr(other, name))


def _compare(wrong: Sequence[MatchTrial], right: Sequence[MatchTrial]) -> dict[str, float | int]:
    low, high = (
        float(np.median(np.concatenate([one.scores for one in each]))) for each in (wrong, right)
    )

    def reported(each: Sequence[MatchTrial]) -> float:
        return float(np.mean([one.matches.mean() >= Trust().presence_threshold for one in each]))

    return {
        "pairs": len(wrong),
        "median": low,
        "median_right": high,
        "ratio": low / high if high else float("nan"),
        "reported": reported(wrong),
        "reported_right": reported(right),
    }


class Examiner:
    """Draws the trials of one data set: the same seed draws the same ones."""

    def __init__(self, seen: FeatureCache, calibration: Calibration):
        self._seen, self._calibration = seen, calibration
        generator = random.Random(f"{SEED}:strangers")
        objects = {key: seen.dataset.of_category(key) for key in seen.dataset.categories}
        self._strangers = {
            key: generator.sample(some, min(STRANGERS, len(some))) for key, some in objects.items()
        }
        self._backgrounds = self._extract(backgrounds(seen.dataset, seen.net.config.image_size))

    @property
    def kept(self) -> set[int]:
        """Instances that every category needs."""
        return {at for some in self._strangers.values() for at in some}

    @torch.inference_mode()
    def examine(self, category: int, shots: int, pairs: Sequence[Pair]) -> Trials:
        """A seeded sample of the pairs of one category."""
        generator = random.Random(f"{SEED}:trials:{category}:{shots}")
        trials = Trials()
        others = [
            key for key, some in self._strangers.items() if key != category and len(some) >= shots
        ]
        for pair in generator.sample(pairs, min(MOST_TRIALS, len(pairs))):
            query = self._seen.features(pair[-1])
            own = self._known(pair[:-1])
            if others and own:
                strangers = generator.sample(self._strangers[generator.choice(others)], shots)
                other = self._known(strangers)
                if count := min(len(own), len(other)):
                    drawn = generator.sample(own, count)
                    trials.right.append(self._trial(query, pair[:-1], drawn))
                    drawn = generator.sample(other, count)
                    trials.swapped.append(self._trial(query, strangers, drawn))
            if self._backgrounds and own:
                background = generator.choice(self._backgrounds)
                trials.own.append(self._trial(query, pair[:-1], own))
                trials.empty.append(self._trial(background, pair[:-1], own))
        return trials

    def _known(self, supports: Sequence[int]) -> list[int]:
        """Keypoints that every shot shows."""
        weights = [numpy(self._seen.view(at).weight[0]) > 0 for at in supports]
        count = min(map(len, weights))
        seen: np.ndarray = np.all([weight[:count] for weight in weights], axis=0)
        return list(map(int, np.flatnonzero(seen)))

    def _trial(self, query: Tensor, supports: Sequence[int], drawn: Sequence[int]) -> MatchTrial:
        tokens = self._seen.tokens(supports, drawn)
        evidence = find(self._seen.net, query, tokens).evidence
        raw_scores = numpy(self._calibration(evidence[None], tokens.mask)[0])
        check = self._seen.check(supports, self._calibration)
        return MatchTrial(check.scores(raw_scores), check.matches(raw_scores))

    @torch.inference_mode()
    def _extract(self, crops: Sequence[np.ndarray]) -> list[Tensor]:
        net, device = self._seen.net, self._seen.device
        return [net.extract(normalise(torch.from_numpy(crop[None])).to(device)) for crop in crops]


def backgrounds(dataset: Dataset, size: tuple[int, int]) -> list[np.ndarray]:
    """Up to `BACKGROUNDS` crops [H, W, 3] of images beside all their annotated objects."""
    boxes: dict[Path, list[Box]] = {}
    for one in dataset.instances:
        boxes.setdefault(one.image, []).append(one.box)
    images = sorted(boxes, key=str)
    random.Random(f"{SEED}:backgrounds").shuffle(images)
    crops: list[np.ndarray] = []
    for image in images:
        if len(crops) == BACKGROUNDS:
            break
        pixels = read_image(image)
        box = empty_box(boxes[image], pixels.shape[1], pixels.shape[0])
        if box:
            crops.append(crop_image(pixels, Crop.of_box(box, size)))
    return crops


def empty_box(boxes: Sequence[Box], width: int, height: int) -> Box | None:
    """The largest square beside the objects, its margin in the crop included; None = no room."""
    longest = max(max(box[2:]) for box in boxes)
    for side in (part * longest for part in SIDES):
        if side < SMALLEST or side > min(width, height):
            continue
        for step in range(STEPS * STEPS):
            x = (width - side) * (step % STEPS) / (STEPS - 1)
            y = (height - side) * (step // STEPS) / (STEPS - 1)
            margin = (PADDING - 1) / 2 * side
            shown = x - margin, y - margin, x + side + margin, y + side + margin
            if not any(_overlap(shown, box) for box in boxes):
                return x, y, side, side
    return None


def _overlap(shown: tuple[float, float, float, float], box: Box) -> bool:
    left, top, right, bottom = shown
    x, y, w, h = box
    return x < right and left < x + w and y < bottom and top < y + h
