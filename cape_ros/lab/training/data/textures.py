"""Textures of procedural objects: crops of photographs, noise, stripes, spots."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.random import Generator

from cape_ros.lab.training.data.augment import photograph

TILE = 96  # pixels of a texture's side
Family = Literal["photograph", "noise", "stripes", "spots"]
FAMILIES: tuple[Family, ...] = get_args(Family)


@dataclass(frozen=True, eq=False)
class TextureStyle:
    """The common parameters of the textures of one category.

    family: how they are made. source: the photograph they are cut from, or whose colours they
    take. grain: 0 (fine) to 1 (coarse). palette: [3, 3] RGB in 0..255, one colour a row.
    """

    family: Family
    source: Path
    grain: float
    palette: np.ndarray

    @classmethod
    def drawn(cls, generator: Generator, photographs: Sequence[Path]) -> TextureStyle:
        family = FAMILIES[int(generator.integers(len(FAMILIES)))]
        source = photographs[int(generator.integers(len(photographs)))]
        if generator.random() < 0.5:  # colours of the world, or any
            palette = generator.permutation(photograph(source).reshape(-1, 3))[:3]
        else:
            palette = generator.uniform(0, 256, (3, 3))
        return cls(family, source, float(generator.random()), palette.astype(np.float32))

    def tile(self, generator: Generator) -> np.ndarray:
        """One texture of this material, [TILE, TILE, 3] uint8 RGB."""
        if self.family == "photograph":
            return self._crop(generator)
        if self.family == "noise":
            share = _noise(generator, round(20 - 16 * self.grain))
        elif self.family == "stripes":
            share = _stripes(generator, 9 - 6 * self.grain)
        else:
            share = _spots(generator, 3 + 6 * self.grain)
        first, second, third = self.palette
        # The third colour runs across, so that a texture's two ends differ.
        across = np.linspace(0, 0.6, TILE, dtype=np.float32)[None, :, None]
        plain = first + (third - first) * across
        mixed: np.ndarray = np.clip(plain + (second - plain) * share[..., None], 0, 255)
        return mixed.astype(np.uint8)

    def _crop(self, generator: Generator) -> np.ndarray:
        image = photograph(self.source)
        side = max(8, round(min(image.shape[:2]) * (0.2 + 0.4 * self.grain)))
        top, left = (int(generator.integers(length - side + 1)) for length in image.shape[:2])
        return cv2.resize(image[top : top + side, left : left + side], (TILE, TILE))


def _noise(generator: Generator, cells: int) -> np.ndarray:
    """[TILE, TILE] in 0..1: smooth random values, `cells` of them across."""
    values = generator.random((cells, cells), np.float32)
    return np.clip(cv2.resize(values, (TILE, TILE), interpolation=cv2.INTER_CUBIC), 0, 1)


def _stripes(generator: Generator, count: float) -> np.ndarray:
    """[TILE, TILE] in 0..1: about `count` stripes in some direction, of uneven width."""
    angle, phase = generator.uniform(0, 2 * math.pi, 2)
    line = np.linspace(0, 2 * math.pi * count, TILE, dtype=np.float32)
    wave = np.sin(line[None, :] * math.cos(angle) + line[:, None] * math.sin(angle) + phase)
    share: np.ndarray = np.clip(4 * (wave + generator.uniform(-0.5, 0.5)) + 0.5, 0, 1)
    return share


def _spots(generator: Generator, radius: float) -> np.ndarray:
    """[TILE, TILE], 0 or 1: round spots at random places."""
    share = np.zeros((TILE, TILE), np.float32)
    for x, y in generator.uniform(0, TILE, (round(900 / radius**2) + 4, 2)):
        size = radius * generator.uniform(0.7, 1.4)
        cv2.circle(share, (round(x), round(y)), round(size), 1.0, -1, cv2.LINE_AA)
    return share
