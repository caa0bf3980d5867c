"""One picture with a dozen overlays and, where it is known, the ground truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from cape_ros.core.images import MOST_PIXELS, decode
from cape_ros.demo.scoreboard import Entry
from cape_ros.perception.drawing.overlay import DARK, WHITE, Pen

TILES, COLUMNS = 12, 3
WIDTH = 480  # of a tile, in pixels; its height is that of the first overlay, as wide as this
SMALL = 0.15  # an object narrower than this part of its image is shown close up
CLOSE_UP = 3.0  # how much wider than the object a close-up is


@dataclass(frozen=True, eq=False)
class Copy:
    """A tile's picture as a JPEG, and how pixels of the frame come to be its pixels: [2, 3]."""

    entry: Entry
    to_tile: np.ndarray
    octets: np.ndarray


class ContactSheet:
    """Keeps small copies of all overlays and lays out `TILES` of them, evenly spread."""

    def __init__(self) -> None:
        self._copies: list[Copy] = []
        self._tile = (WIDTH, WIDTH)

    def add(self, entry: Entry, image: np.ndarray) -> None:
        """image: [H, W, 3] uint8 RGB, the overlay of that frame."""
        if not self._copies:
            self._tile = WIDTH, round(WIDTH * image.shape[0] / image.shape[1])
        to_tile = _view(entry, (image.shape[1], image.shape[0]), self._tile)
        # A frame shown smaller is a mean over its pixels, a close-up is interpolated.
        if (zoom := to_tile[0, 0]) < 1:
            size = (max(1, round(side * zoom)) for side in (image.shape[1], image.shape[0]))
            image = cv2.resize(image, tuple(size), interpolation=cv2.INTER_AREA)
            half = (zoom - 1) / 2  # of the difference of the sizes of a pixel
            shift = np.array([[1, 0, to_tile[0, 2] - half], [0, 1, to_tile[1, 2] - half]])
        else:
            shift = to_tile
        tile = cv2.warpAffine(image, shift, self._tile, flags=cv2.INTER_LINEAR)
        # Compressed, because a long video has thousands.
        bgr = cv2.cvtColor(tile, cv2.COLOR_RGB2BGR)
        _, octets = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 92])
        self._copies.append(Copy(entry, to_tile, octets))

    def write(self, path: Path) -> bool:
        """False if there is nothing to show."""
        count = min(TILES, len(self._copies))
        if not count:
            return False
        chosen = [self._copies[int((i + 0.5) * len(self._copies) / count)] for i in range(count)]
        tiles = [_tile(copy) for copy in chosen]
        columns = min(COLUMNS, count)
        width, height = self._tile
        page = np.zeros((-(-count // columns) * height, columns * width, 3), np.uint8)
        for index, tile in enumerate(tiles):
            y, x = index // columns * height, index % columns * width
            page[y : y + height, x : x + width] = tile
        return cv2.imwrite(str(path), cv2.cvtColor(page, cv2.COLOR_RGB2BGR))


def _view(entry: Entry, size: tuple[int, int], tile: tuple[int, int]) -> np.ndarray:
    """[2, 3] from the frame's pixels to the tile's: the whole frame, or a small object close up.

    size, tile: width and height of the frame and of the tile, in pixels.
    """
    low, high = np.zeros(2), np.array(size, float)
    seen = [truth for truth in entry.truths if truth.visible.any()]
    points = [truth.keypoints[truth.visible] for truth in seen]
    points += [one.keypoints for one in entry.reported]
    if points and len(spread := np.concatenate(points)):
        middle = (spread.min(axis=0) + spread.max(axis=0)) / 2
        extent = float(np.ptp(spread, axis=0).max())
        if extent < SMALL * size[0]:
            reach = CLOSE_UP * extent / 2 * np.array([1, tile[1] / tile[0]])
            middle = np.clip(middle, reach, np.maximum(reach, size - reach))
            low, high = middle - reach, middle + reach
    zoom = float((tile / (high - low)).min())
    shift = (np.array(tile) - zoom * (low + high - 1) - 1) / 2
    return np.array([[zoom, 0, shift[0]], [0, zoom, shift[1]]])


def _tile(copy: Copy) -> np.ndarray:
    entry, tile = copy.entry, decode(copy.octets, "overlay", MOST_PIXELS).pixels
    words = f"{entry.scene} {entry.index}"
    for truth in entry.truths:
        points = truth.keypoints[truth.visible] @ copy.to_tile[:, :2].T + copy.to_tile[:, 2]
        for x, y in points:
            _cross(tile, round(x), round(y))
    matches = [match for match in entry.matches() if match.truth is not None]
    errors = [each for match in matches if (each := match.errors) is not None]
    if errors:
        words += f"   median error {np.nanmedian(np.concatenate(errors)):.1f} px"
    if missing := len(matches) - len(errors):
        words += "   not found" if len(matches) == 1 else f"   {missing} not found"
    if matches:
        words += "   + true place"
    Pen(tile).footnote(words)
    return tile


def _cross(image: np.ndarray, x: int, y: int) -> None:
    for colour, width, reach in ((DARK, 3, 5), (WHITE, 1, 4)):
        cv2.line(image, (x - reach, y), (x + reach, y), colour, width)
        cv2.line(image, (x, y - reach), (x, y + reach), colour, width)
