"""Depth of another camera, as the colour camera would see it, around one object at a time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cape_ros.perception.geometry import Box
from cape_ros.perception.spatial.camera_model import CameraModel
from cape_ros.perception.spatial.depth import DepthImage

NEAREST, FARTHEST = 0.1, 10.0  # [m] of what is looked at
FAR_OUT = 1e6  # [pixels] from every image
MARGIN = 16  # [pixels] around a box: the reach of a keypoint's neighbourhood


@dataclass(frozen=True, eq=False)
class Alignment:
    """How pixels of a depth camera become pixels of a colour camera; made once for both.

    depth, colour: the models of both, without binning of either left out. rotation, translation:
    of the depth camera's optical frame in that of the colour camera. depth_size, colour_size:
    width, height of the images.
    """

    depth: CameraModel
    colour: CameraModel
    rotation: np.ndarray
    translation: np.ndarray
    depth_size: tuple[int, int]
    colour_size: tuple[int, int]

    @cached_property
    def _rays(self) -> np.ndarray:
        """[H, W, 3] float32: from each pixel of the depth image, in the colour camera's frame."""
        width, height = self.depth_size
        x, y = np.meshgrid(np.arange(width), np.arange(height))
        rays = self.depth.rays(np.stack((x.ravel(), y.ravel()), axis=1))
        turned = np.column_stack((rays, np.ones(len(rays)))) @ self.rotation.T
        return np.asarray(turned.reshape(height, width, 3), np.float32)

    @cached_property
    def _pixel(self) -> int:
        """Pixels of the colour image across one of the depth image, rounded up."""
        return int(np.ceil(self.colour.focal / self.depth.focal))

    def aligned(self, image: DepthImage, box: Box) -> DepthImage:
        """[H, W] float32 metres on the pixels of the colour image, 0 away from the box.

        box: x, y, width, height in the colour image.
        """
        x, y, width, height = box
        seen = np.zeros(self.colour_size[::-1], np.float32)
        rows, columns = self._part(x - MARGIN, y - MARGIN, x + width + MARGIN, y + height + MARGIN)
        raw = image.values[rows, columns]
        measured = (raw > 0) & (raw < np.inf)
        depth = (raw[measured] * image.metres).astype(np.float32)
        points = self._rays[rows, columns][measured] * depth[:, None]
        points += self.translation.astype(np.float32)
        pixels = self.colour.project(points)
        inside = (np.abs(pixels) < FAR_OUT).all(axis=1)
        corner = np.floor(pixels[inside] - (self._pixel - 1) / 2 + 0.5).astype(np.intp)
        farthest_first = np.argsort(-points[inside, 2], kind="stable")  # what is nearer stays
        corner, depth = corner[farthest_first], points[inside, 2][farthest_first]
        for right in range(self._pixel):
            for down in range(self._pixel):
                column, row = corner[:, 0] + right, corner[:, 1] + down
                kept = (row >= 0) & (row < seen.shape[0]) & (column >= 0) & (column < seen.shape[1])
                before = seen[row[kept], column[kept]]
                nearer = (before == 0) | (depth[kept] < before)
                seen[row[kept][nearer], column[kept][nearer]] = depth[kept][nearer]
        return DepthImage.of(seen)

    def _part(self, left: float, top: float, right: float, bottom: float) -> tuple[slice, slice]:
        """Rows and columns of the depth image that can show this part of the colour image."""
        width, height = self.depth_size
        across = np.linspace(left, right, 5), np.linspace(top, bottom, 5)
        pixels = np.stack(np.meshgrid(*across), axis=-1).reshape(-1, 2)
        rays = self.colour.rays(pixels)
        points = np.column_stack((rays, np.ones(len(rays))))
        far = np.concatenate([points * distance for distance in (NEAREST, 0.3, 1.0, FARTHEST)])
        seen = self.depth.project((far - self.translation) @ self.rotation)
        seen = seen[(np.abs(seen) < FAR_OUT).all(axis=1)]
        if not len(seen):
            return slice(0, height), slice(0, width)
        first = np.floor(seen.min(axis=0)).astype(int) - 1
        last = np.ceil(seen.max(axis=0)).astype(int) + 2
        return (
            slice(*np.clip((first[1], last[1]), 0, height)),
            slice(*np.clip((first[0], last[0]), 0, width)),
        )
