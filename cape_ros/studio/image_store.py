"""Uploaded and frozen images, by an ID; the least recently used are evicted."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from cape_ros.core.errors import InvalidInput
from cape_ros.core.images import decode
from cape_ros.studio.image_codec import to_png

MOST_PIXELS = 40_000_000
MOST_OCTETS = 20_000_000
MOST_IMAGES = 256
MOST_OCTETS_KEPT = 256_000_000
DECODED_KEPT = 3
MEDIA_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png"}


@dataclass(frozen=True, eq=False)
class StoredImage:
    """data: a whole JPEG or PNG file, of `media_type`. width, height: in pixels."""

    data: bytes
    media_type: str
    width: int
    height: int


class ImageStore:
    """Any thread may use it. IDs are random: they cannot be guessed, and are no paths."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._images: OrderedDict[str, StoredImage] = OrderedDict()
        self._decoded: OrderedDict[str, np.ndarray] = OrderedDict()

    def add_file(self, data: bytes, field: str = "image") -> str:
        """Keep an uploaded file. Raises `InvalidInput` if it is none or too large."""
        if len(data) > MOST_OCTETS:
            reason = f"{len(data) / 1e6:.0f} MB are more than 20 MB"
            raise InvalidInput.of(field, reason, "too_large")
        file = decode(data, field, MOST_PIXELS)
        return self._add(data, MEDIA_TYPES[file.format], file.pixels)

    def add_pixels(self, pixels: np.ndarray) -> str:
        """Keep an image [H, W, 3] uint8 RGB, losing nothing of it."""
        pixels = np.array(pixels)
        return self._add(to_png(pixels), MEDIA_TYPES["PNG"], pixels)

    def find(self, image: str, field: str = "image") -> StoredImage:
        """Raises `InvalidInput` if it is not there any more."""
        with self._lock:
            if stored := self._images.get(image):
                self._images.move_to_end(image)
                return stored
        raise gone(image, field)

    def decoded(self, key: str, data: bytes, field: str) -> np.ndarray:
        """The pixels of a stored file, [H, W, 3] uint8 RGB, read-only, from a cache."""
        with self._lock:
            if (pixels := self._decoded.get(key)) is not None:
                self._decoded.move_to_end(key)
                return pixels
        pixels = decode(data, field, MOST_PIXELS).pixels
        self._keep_decoded(key, pixels)
        return pixels

    def _add(self, data: bytes, media_type: str, pixels: np.ndarray) -> str:
        image = secrets.token_hex(8)
        height, width = pixels.shape[:2]
        with self._lock:
            self._images[image] = StoredImage(data, media_type, width, height)
            while (
                len(self._images) > MOST_IMAGES
                or sum(len(stored.data) for stored in self._images.values()) > MOST_OCTETS_KEPT
            ):
                self._decoded.pop(self._images.popitem(last=False)[0], None)
        self._keep_decoded(image, pixels)
        return image

    def _keep_decoded(self, key: str, pixels: np.ndarray) -> None:
        pixels.setflags(write=False)
        with self._lock:
            self._decoded[key] = pixels
            while len(self._decoded) > DECODED_KEPT:
                self._decoded.popitem(last=False)


def gone(image: str, field: str) -> InvalidInput:
    """The refusal of an ID that nothing is kept under, or not any more."""
    reason = f"{image[:80]!r} is not here any more; upload it again"
    return InvalidInput.of(field, reason, "unknown_image")
