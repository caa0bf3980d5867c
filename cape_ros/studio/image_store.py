"""Uploaded and frozen images, by an ID."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cape_ros.core.errors import InvalidInput
from cape_ros.core.images import decode
from cape_ros.perception.spatial import CameraModel, DepthImage
from cape_ros.studio.image_codec import to_png
from cape_ros.studio.kept import Kept

MOST_PIXELS = 40_000_000
MOST_OCTETS = 20_000_000
MOST_OCTETS_DECODED = 3 * MOST_PIXELS  # one of the largest, or many smaller ones
MEDIA_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png"}


@dataclass(frozen=True, eq=False)
class StoredImage:
    """data: a whole JPEG or PNG file, of `media_type`. width, height: in pixels. camera, depth: of
    a frozen image, if they are known; depth is on its pixels."""

    data: bytes
    media_type: str
    width: int
    height: int
    camera: CameraModel | None = None
    depth: DepthImage | None = None


class Added(NamedTuple):
    """image: the ID. dropped: IDs of older images and videos that went to make room."""

    image: str
    dropped: list[str]


class ImageStore:
    """Any thread may use it. IDs are random: they cannot be guessed, and are no paths."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self._decoded = Kept(MOST_OCTETS_DECODED)

    def add_file(self, data: bytes, field: str = "image") -> Added:
        """Keep an uploaded file. Raises `InvalidInput` if it is none or too large."""
        if len(data) > MOST_OCTETS:
            reason = f"{len(data) / 1e6:.0f} MB are more than 20 MB"
            raise InvalidInput.of(field, reason, "too_large")
        file = decode(data, field, MOST_PIXELS)
        if not file.plain:  # the page shows what the node sees, whatever the browser makes of it
            return self.add_pixels(file.pixels)
        return self._add(data, MEDIA_TYPES[file.format], file.pixels)

    def add_pixels(
        self,
        pixels: np.ndarray,
        camera: CameraModel | None = None,
        depth: DepthImage | None = None,
    ) -> Added:
        """Keep an image [H, W, 3] uint8 RGB, losing nothing of it; camera, depth: as stored."""
        pixels = np.array(pixels)
        return self._add(to_png(pixels), MEDIA_TYPES["PNG"], pixels, camera, depth)

    def find(self, image: str, field: str = "image") -> StoredImage:
        """Raises `InvalidInput` if it is not there any more."""
        stored = self._kept.get(image)
        if not isinstance(stored, StoredImage):
            raise gone(image, field)
        return stored

    def decoded(self, image: str, data: bytes, field: str) -> np.ndarray:
        """The pixels of a stored file, [H, W, 3] uint8 RGB, read-only, from a cache."""
        pixels: np.ndarray | None = self._decoded.get(image)
        if pixels is None:
            pixels = decode(data, field, MOST_PIXELS).pixels
            self._keep_decoded(image, pixels)
        return pixels

    def _add(
        self,
        data: bytes,
        media_type: str,
        pixels: np.ndarray,
        camera: CameraModel | None = None,
        depth: DepthImage | None = None,
    ) -> Added:
        image = secrets.token_hex(8)
        height, width = pixels.shape[:2]
        stored = StoredImage(data, media_type, width, height, camera, depth)
        octets = len(data) + (0 if depth is None else depth.values.nbytes)
        dropped = self._kept.put(image, stored, octets)
        self._keep_decoded(image, pixels)
        return Added(image, dropped)

    def _keep_decoded(self, image: str, pixels: np.ndarray) -> None:
        pixels.setflags(write=False)
        self._decoded.put(image, pixels, pixels.nbytes)


def gone(image: str, field: str) -> InvalidInput:
    """The refusal of an ID that nothing is kept under, or not any more."""
    reason = f"{image[:80]!r} is not here any more; upload it again"
    return InvalidInput.of(field, reason, "unknown_image")
