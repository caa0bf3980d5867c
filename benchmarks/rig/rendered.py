"""Rendered objects as what a person registers, and how far predictions are from the truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cape_ros.core.errors import InvalidInput
from cape_ros.core.images import read_image
from cape_ros.lab.datasets.rendered.cache import RenderedCache, read_truth
from cape_ros.lab.datasets.rendered.surface import farthest
from cape_ros.lab.datasets.rendered.views import InstanceTruth
from cape_ros.perception.category import Category, SupportShot, name_like

REGISTERED = 9  # points that are marked, as far as the view shows so many
LEAST = 3
BANDS = ((0, 20), (20, 45), (45, 75), (75, 91))  # degrees
THRESHOLDS = (0.05, 0.1, 0.2)  # of PCK
JUDGED_AT = 0.1  # a worst object is judged by its PCK at this threshold


@dataclass(frozen=True, eq=False)
class RenderedObject:
    """A mesh of a cache. points: indices of the keypoints that are registered, those that its first
    picture shows, far apart. rows: the truth of its pictures as `mesh.json` has it."""

    id: str
    folder: Path
    points: np.ndarray
    rows: Sequence[dict[str, Any]]

    def image(self, at: int) -> np.ndarray:
        return read_image(self.folder / self.rows[at]["image"])

    def truths(self, at: int) -> list[InstanceTruth]:
        """Of the registered points only."""
        return [_only(read_truth(row), self.points) for row in self.rows[at]["instances"]]

    def category(self, shots: Sequence[int]) -> Category:
        """The object as a person registers it from some of its pictures."""
        names = [f"point {number}" for number in range(1, len(self.points) + 1)]
        return Category(name_like(self.id), names, shots=[self.shot(at) for at in shots])

    def shot(self, at: int) -> SupportShot:
        (truth,) = self.truths(at)
        return SupportShot(self.image(at), truth.keypoints, truth.visible)


def rendered_objects(folder: Path, kind: str, most: int | None) -> Iterator[RenderedObject]:
    """The meshes of a cache of this kind whose first picture shows enough points.

    Raises `InvalidInput`, `SourceError`.
    """
    cache = RenderedCache(folder)
    if cache.kind != kind:
        raise InvalidInput.of("FOLDER", f"{folder} holds {cache.kind}, not {kind}")
    for number, mesh in enumerate(cache.meshes()):
        if most is not None and number >= most:
            return
        truth = read_truth(mesh["views"][0]["instances"][0])
        seen = np.flatnonzero(truth.visible)
        if len(seen) >= LEAST:
            picked = farthest(truth.keypoints[seen].astype(float), REGISTERED, np.zeros((0, 2)))
            points = np.sort(seen[picked])
            yield RenderedObject(mesh["id"], mesh["folder"], points, mesh["views"])


def errors(keypoints: np.ndarray, truth: InstanceTruth) -> np.ndarray:
    """[K], distances [K, 2] from the truth, parts of its box's longer side; NaN where the truth is
    not visible."""
    away = np.linalg.norm(keypoints - truth.keypoints, axis=1) / max(truth.box[2:])
    return np.where(truth.visible, away, np.nan)


def pck(away: Sequence[float], threshold: float) -> float:
    """Percent of errors that are below the threshold; NaN of none."""
    return 100 * float(np.mean(np.array(away) < threshold)) if away else float("nan")


def band_of(angle: float) -> tuple[int, int]:
    return next(band for band in BANDS if band[0] <= angle < band[1])


def _only(truth: InstanceTruth, points: np.ndarray) -> InstanceTruth:
    return InstanceTruth(
        truth.pose, truth.keypoints[points], truth.visible[points], truth.box, truth.shown
    )
