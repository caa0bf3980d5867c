"""Views rendered on the training device, a batch at a time.

Workers choose what is seen, from where and in which light; the many pixels are left to a GPU. It
draws what OpenCV would, to a grey level or two, but for the noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cape_ros.lab.datasets.views import MASK, Batch, View, normalise
from cape_ros.lab.training.data.grids import nodes, sample
from cape_ros.lab.training.data.light import Light, Lights
from cape_ros.model import CapeFormerConfig
from cape_ros.perception.geometry import GAUSSIAN_REACH


@dataclass(frozen=True, eq=False)
class Sketch(View):
    """A view that is not drawn yet. pixels: of what it is taken, [h, w, 3] uint8 RGB. grid: which
    of them it shows (`grids.py`), or None: all as they are. flip: after the light, last of all."""

    grid: np.ndarray | None
    light: Light
    flip: bool


@dataclass(frozen=True)
class Sketches:
    """A batch of B sketches as tensors, to be sent to a device.

    ready [R, H, W, 3] uint8, what is a whole view, and whose [R]. sources [S, h, w, 3] uint8, what
    others are taken of; grids [G, M, N, 2], which of the sources [G], and whose [G]. points
    [B, K, 2] in [0, 1]; shown [B, K] bool; lights; flip [B] bool. seed: of the
    noise. config: of the network that wants to see them.
    """

    ready: Tensor
    whose_ready: Tensor
    sources: Tensor
    grids: Tensor
    source: Tensor
    whose_grid: Tensor
    points: Tensor
    shown: Tensor
    lights: Lights
    flip: Tensor
    seed: int
    config: CapeFormerConfig

    @classmethod
    def of(cls, sketches: Sequence[Sketch], seed: int, config: CapeFormerConfig) -> Sketches:
        ready = [at for at, one in enumerate(sketches) if one.grid is None]
        bent = [at for at, one in enumerate(sketches) if one.grid is not None]
        sources = {id(sketches[at].pixels): sketches[at].pixels for at in bent}
        numbers = {key: number for number, key in enumerate(sources)}
        grids = np.empty((len(bent), *nodes(config.image_size).shape), np.float32)
        for grid, at in zip(grids, bent, strict=True):
            grid[:] = sketches[at].grid
        count = max(len(one.points) for one in sketches)
        points = np.zeros((len(sketches), count, 2), np.float32)
        shown = np.zeros((len(sketches), count), bool)
        for at, one in enumerate(sketches):
            points[at, : len(one.points)] = np.where(one.visible[:, None], one.points, 0)
            shown[at, : len(one.points)] = one.visible
        return cls(
            _side_by_side([sketches[at].pixels for at in ready]),
            torch.tensor(ready, dtype=torch.long),
            _side_by_side(list(sources.values())),
            torch.from_numpy(grids),
            torch.tensor([numbers[id(sketches[at].pixels)] for at in bent], dtype=torch.long),
            torch.tensor(bent, dtype=torch.long),
            torch.from_numpy(points),
            torch.from_numpy(shown),
            Lights.of([one.light for one in sketches]),
            torch.tensor([one.flip for one in sketches]),
            seed,
            config,
        )

    def draw(self) -> Batch:
        """The views and their soft masks, where these tensors are."""
        device = self.points.device
        generator = torch.Generator(device).manual_seed(self.seed)
        images = torch.empty(len(self.flip), 3, *self.config.image_size, device=device)
        if len(self.ready):
            images[self.whose_ready] = self.ready.permute(0, 3, 1, 2).float()
        if len(self.grids):
            sources = self.sources.permute(0, 3, 1, 2).float()
            images[self.whose_grid] = sample(
                sources[self.source], self.grids, self.config.image_size
            )
        images = self.lights.shine(images, generator)
        images = torch.where(self.flip[:, None, None, None], images.flip(-1), images)
        heatmaps, weight = soft_masks(self.points, self.shown, self.config)
        # As workers arrange them, and as convolutions in low precision need them.
        channels_last = normalise(images.permute(0, 2, 3, 1)).contiguous(
            memory_format=torch.channels_last
        )
        return Batch(channels_last, self.points, heatmaps, weight)


def soft_masks(points: Tensor, shown: Tensor, config: CapeFormerConfig) -> tuple[Tensor, Tensor]:
    """`support_heatmaps` of points [B, K, 2] in [0, 1]: [B, K, 64, 64], and weights [B, K]."""
    centre = points * MASK
    centre = (centre + 0.5).trunc() if config.round_masks else centre - 0.5
    away = torch.arange(MASK, device=points.device) - centre[..., None]  # [B, K, 2, 64]
    bell = torch.exp(-(away**2) / (2 * config.mask_sigma**2))
    bell = bell * (away.abs() <= GAUSSIAN_REACH * config.mask_sigma)
    across, down = bell.unbind(dim=2)
    weight = (shown & bell.any(dim=-1).all(dim=-1)).float()
    return down[..., None] * across[..., None, :] * weight[..., None, None], weight


def _side_by_side(images: Sequence[np.ndarray]) -> Tensor:
    """[N, h, w, 3] uint8, as large as the largest, black beside the others."""
    height, width = np.max([image.shape[:2] for image in images], axis=0) if images else (1, 1)
    together = np.zeros((len(images), height, width, 3), np.uint8)
    for slot, image in zip(together, images, strict=True):
        slot[: image.shape[0], : image.shape[1]] = image
    return torch.from_numpy(together)
